/**
 * What a person can put right: a taken port, a missing tool, a folder that can't be written. The message is one
 * line that tells the cure; commands print it without a stack and exit with 1.
 */
export class Cure extends Error {
  override readonly name = 'Cure';
}
