import { Buffer } from 'node:buffer';

/** Bytes of the text in UTF-8. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Whether the text has characters that could steer a terminal, or break a line. */
export function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}

/** As hasControl, but lines and tabs are fine: for messages of people. */
export function hasControlBesidesLines(text: string): boolean {
  return hasControl(text.replace(/\r?\n|\t/g, ' '));
}
