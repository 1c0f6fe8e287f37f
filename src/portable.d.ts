// What the contract file `assembly/abi.ts` needs to be read as TypeScript.

type u32 = number;
type i32 = number;
type f64 = number;
