import { PAGE_SIZE } from "../../../assembly/abi";
import { frameAddress, frameOf, pfnOfAddress } from "../../../assembly/frame/frame";
import { FRAME_BYTES, frameCount, framesBase, frameTable } from "../../../assembly/mem/layout";
import { remake } from "./arena";

describe("frame: records and addresses", () => {
  beforeEach(() => remake(300));

  test("records are FRAME_BYTES apart, from the table's beginning", () => {
    expect<usize>(changetype<usize>(frameOf(0))).toBe(frameTable);
    expect<usize>(changetype<usize>(frameOf(299))).toBe(frameTable + 299 * FRAME_BYTES);
  });

  test("fields of one record do not reach into the next", () => {
    const frame = frameOf(7);
    frame.refcount = u32.MAX_VALUE;
    frame.mapcount = u32.MAX_VALUE;
    frame.mapping = u32.MAX_VALUE;
    frame.exports = u32.MAX_VALUE;
    frame.index = u64.MAX_VALUE;
    frame.lruNext = u32.MAX_VALUE;
    frame.lruPrev = u32.MAX_VALUE;
    frame.private_ = u32.MAX_VALUE;
    frame.pins = u16.MAX_VALUE;
    frame.lru = u16.MAX_VALUE;
    for (let at: usize = 0; at < FRAME_BYTES; at++) {
      expect<u8>(load<u8>(changetype<usize>(frameOf(7)) + at)).toBe(0xff);
      expect<u8>(load<u8>(changetype<usize>(frameOf(6)) + at)).toBe(0);
      expect<u8>(load<u8>(changetype<usize>(frameOf(8)) + at)).toBe(0);
    }
  });

  test("each byte of a frame leads back to it", () => {
    let lost: u32 = 0;
    for (let pfn: u32 = 0; pfn < frameCount; pfn++) {
      const address = frameAddress(pfn);
      if (address != framesBase + <usize>pfn * PAGE_SIZE) lost += 1;
      if (pfnOfAddress(address) != pfn) lost += 1;
      if (pfnOfAddress(address + PAGE_SIZE - 1) != pfn) lost += 1;
    }
    expect<u32>(lost).toBe(0);
  });

  test("frames are page aligned", () => {
    expect<usize>(frameAddress(0) % PAGE_SIZE).toBe(0);
  });

  test("a frame that is not there stops a build with checks", () => {
    expect(() => {
      frameOf(frameCount);
    }).toThrow();
    expect(() => {
      frameAddress(frameCount);
    }).toThrow();
    expect(() => {
      pfnOfAddress(framesBase - 1);
    }).toThrow();
    expect(() => {
      pfnOfAddress(framesBase + <usize>frameCount * PAGE_SIZE);
    }).toThrow();
  });
});
