// Taking a swap area away (as Linux mm/swapfile.c swapoff): no page goes out any more, every page
// that is out comes back, and then the area is gone. Where that fails it goes on as it was, and
// nothing is lost.
//
//   close ──▶ unuse, files first, then each address space ──▶ off ──▶ gone
//               ▲                                         │ EBUSY: a fork, a move meanwhile
//               └─────────────────────────────────────────┘

import { Status } from "../assembly/abi.ts";
import { Call, type CallOptions } from "./call.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import type { Plan } from "./plan.ts";
import type { Space } from "./space.ts";

const OP = "swapOff";

/** How often pages may be forked or moved away before they are brought back. */
const ROUNDS_MAX = 1_000;

/**
 * The calls that take the area away, one after another. EINVAL without one, EBUSY while another
 * does it; ENOMEM where not all pages fit, EIO where one cannot be read: some of them are back.
 */
export function* swapOff(
  core: Core,
  context: Bracket | null,
  limits: CallOptions | null,
): Generator<Call, void, void> {
  const { swap } = core;
  if (swap === null) throw new MemoryError(Status.EINVAL, OP, { reason: "there is no swap area" });
  if (swap.isClosing) throw new MemoryError(Status.EBUSY, OP, { reason: "it is going already" });
  swap.isClosing = true;
  core.engine.swap.close(true);
  try {
    yield* rounds(core, context, limits);
    core.swap = null;
  } finally {
    swap.isClosing = false;
    if (core.swap === swap) core.engine.swap.close(false);
  }
}

function* rounds(
  core: Core,
  context: Bracket | null,
  limits: CallOptions | null,
): Generator<Call, void, void> {
  const deadlineAt = core.clock.now() + (limits?.deadline ?? core.deadline);
  const left = () =>
    limits === null ? null : { ...limits, deadline: Math.max(0, deadlineAt - core.clock.now()) };
  const callOf = (plan: Plan) => new Call(core, plan, context, left());
  for (let round = 0; round < ROUNDS_MAX; round++) {
    yield callOf(unuseFiles());
    for (const space of [...core.spaces.values()]) yield callOf(unuse(core, space));
    let isEmpty = true;
    yield callOf(leave((status) => (isEmpty = status === 0)));
    if (isEmpty) return;
  }
  throw new MemoryError(Status.EAGAIN, OP, { reason: "its pages are moved again and again" });
}

/** Goes by `id`, and behind everything queued: an address space that exits has pages, too. */
function unuse(core: Core, { id }: Space): Plan {
  let from = 0;
  return {
    op: OP,
    space: null,
    ranges: [],
    attempt(engine) {
      const status = engine.swap.unuse(id, from);
      if (status === Status.ESRCH) return 0;
      if (status < 0) from = core.engine.answer.value;
      return status;
    },
  };
}

/** What files in memory have in it, whoever shows them (as Linux shmem_unuse). */
function unuseFiles(): Plan {
  return { op: OP, space: null, ranges: [], attempt: (engine) => engine.swap.unuseFiles() };
}

/** A page that is still in it is no error: `answer` hears of it, and there is another round. */
function leave(answer: (status: number) => void): Plan {
  return {
    op: OP,
    space: null,
    ranges: [],
    attempt(engine) {
      const status = engine.swap.off();
      answer(status);
      return status === Status.EBUSY ? 0 : status;
    },
  };
}
