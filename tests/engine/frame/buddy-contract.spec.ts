// What a build with checks stops at: each would give a page away under its holder.

import { PG } from "../../../assembly/abi";
import {
  frameAlloc,
  frameAllocZeroed,
  frameFree,
  framesReserve,
  framesUnreserve,
} from "../../../assembly/frame/buddy";
import { flagSet } from "../../../assembly/frame/flags";
import { frameAddress, frameOf } from "../../../assembly/frame/frame";
import { remake } from "./arena";

describe("buddy: a build with checks refuses to free", () => {
  beforeEach(() => {
    remake(1100);
    frameAlloc(3);
  });

  test("a frame that is free already", () => {
    expect(() => frameFree(7, 0)).toThrow();
    frameFree(8, 0);
    expect(() => frameFree(8, 0)).toThrow();
    expect(() => frameFree(8, 3)).toThrow();
  });

  test("a frame that is exported, by its flag or by a record", () => {
    flagSet(PG.exported, 9);
    expect(() => frameFree(9, 0)).toThrow();
    frameOf(10).exports = 1;
    expect(() => frameFree(10, 0)).toThrow();
  });

  test("a frame that is mapped", () => {
    frameOf(9).mapcount = 1;
    expect(() => frameFree(9, 0)).toThrow();
  });

  test("a frame in quarantine", () => {
    flagSet(PG.quarantine, 9);
    expect(() => frameFree(9, 0)).toThrow();
  });

  test("frame 0, a frame past the last, and a block that is not aligned", () => {
    expect(() => frameFree(0, 0)).toThrow();
    expect(() => frameFree(1100, 0)).toThrow();
    expect(() => frameFree(9, 1)).toThrow();
    expect(() => frameFree(0, 11)).toThrow();
  });
});

describe("buddy: a build with checks notices", () => {
  beforeEach(() => remake(1100));

  test("J1: a write to a free frame, when the frame is handed out", () => {
    const pfn = frameAlloc(0);
    frameFree(pfn, 0);
    store<u8>(frameAddress(1) + 4095, 0);
    expect(() => {
      frameAlloc(0);
    }).toThrow();
  });

  test("J1: a write to a frame that is still fresh", () => {
    store<u8>(frameAddress(1) + 17, 1);
    expect(() => {
      frameAllocZeroed();
    }).toThrow();
  });

  test("J1: a write anywhere in a block", () => {
    store<u8>(frameAddress(700), 1);
    expect(() => {
      frameAlloc(9);
    }).toThrow();
  });

  test("more given back than was reserved, and an order that is not there", () => {
    framesReserve(3);
    expect(() => framesUnreserve(4)).toThrow();
    expect(() => {
      frameAlloc(11);
    }).toThrow();
  });
});
