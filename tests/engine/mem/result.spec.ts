import { ResultField, Vmstat } from "../../../assembly/abi";
import { resultBase, vmstatBase } from "../../../assembly/mem/layout";
import { resultGet, resultGet64, resultSet, resultSet64 } from "../../../assembly/mem/result";
import { statAdd, statGet, statMax } from "../../../assembly/mem/vmstat";

describe("result: words that an export leaves", () => {
  test("each word is where the shell reads it, and apart from its neighbours", () => {
    for (let field: i32 = 0; field < ResultField.LENGTH; field++) resultSet(field, 1000 + field);
    for (let field: i32 = 0; field < ResultField.LENGTH; field++) {
      expect<u32>(load<u32>(resultBase + ((<usize>field) << 2))).toBe(1000 + field);
      expect<u32>(resultGet(field)).toBe(1000 + field);
    }
  });

  test("K2: a 64-bit value is two words, low first", () => {
    resultSet64(ResultField.ValueLo, 0x7fffdeadbeef);
    expect<u32>(resultGet(ResultField.ValueLo)).toBe(0xdeadbeef);
    expect<u32>(resultGet(ResultField.ValueHi)).toBe(0x7fff);
    expect<u64>(resultGet64(ResultField.ValueLo)).toBe(0x7fffdeadbeef);
  });

  test("a word that is not there stops a build with checks", () => {
    expect(() => resultSet(ResultField.LENGTH, 1)).toThrow();
    expect(() => resultSet(-1, 1)).toThrow();
    expect(() => resultSet64(ResultField.LENGTH - 1, 1)).toThrow();
    expect(() => {
      resultGet(ResultField.LENGTH);
    }).toThrow();
  });
});

describe("vmstat: counters", () => {
  test("each is the f64 at its index, and exact past 32 bits", () => {
    statAdd(Vmstat.pgfault, 4294967295.0);
    statAdd(Vmstat.pgfault, 2.0);
    expect<f64>(statGet(Vmstat.pgfault)).toBe(4294967297.0);
    expect<f64>(load<f64>(vmstatBase + (Vmstat.pgfault << 3))).toBe(4294967297.0);
    expect<f64>(statGet(Vmstat.pgmajfault)).toBe(0.0);
  });

  test("a gauge falls by a delta below zero", () => {
    statAdd(Vmstat.nr_mapped, 3.0);
    statAdd(Vmstat.nr_mapped, -2.0);
    expect<f64>(statGet(Vmstat.nr_mapped)).toBe(1.0);
  });

  test("a high-water mark only rises", () => {
    statMax(Vmstat.peak_frames, 7.0);
    statMax(Vmstat.peak_frames, 5.0);
    expect<f64>(statGet(Vmstat.peak_frames)).toBe(7.0);
    statMax(Vmstat.peak_frames, 8.0);
    expect<f64>(statGet(Vmstat.peak_frames)).toBe(8.0);
  });

  test("a counter that is not there stops a build with checks", () => {
    expect(() => statAdd(Vmstat.COUNT, 1.0)).toThrow();
    expect(() => statMax(-1, 1.0)).toThrow();
  });
});
