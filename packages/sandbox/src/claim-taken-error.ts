/** This call was started or sealed before, or the sandbox was started anew since the ledger was written. */
export class ClaimTakenError extends Error {
  readonly callId: string;
  /** `incarnation`: the sandbox is not the one that the ledger names, so the claim was never tried. */
  readonly because: 'taken' | 'incarnation';

  constructor(callId: string, because: 'taken' | 'incarnation') {
    super(`The call ${callId} is not free: ${because}.`);
    this.name = 'ClaimTakenError';
    this.callId = callId;
    this.because = because;
  }
}
