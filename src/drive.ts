// Driving a body that asks for one thing after another: what it asks for is done, and what fails
// is thrown where it was asked for.

/** What a body asks for, one by one, and what it answers with in the end. */
type Body<S, T> = Generator<S, T, void>;

/** Waits only where `act` answers with a promise; goes on from `next` where it has begun. */
export async function drive<S, T>(
  body: Body<S, T>,
  act: (step: S) => unknown,
  next: IteratorResult<S, T> = body.next(),
): Promise<T> {
  while (next.done !== true) {
    try {
      const pending = act(next.value);
      if (pending instanceof Promise) await pending;
      next = body.next();
    } catch (error) {
      next = body.throw(error);
    }
  }
  return next.value;
}

/** The same where nobody may wait. */
export function driveSync<S, T>(body: Body<S, T>, act: (step: S) => void): T {
  let next = body.next();
  while (next.done !== true) {
    try {
      act(next.value);
      next = body.next();
    } catch (error) {
      next = body.throw(error);
    }
  }
  return next.value;
}
