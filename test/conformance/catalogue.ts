import type { ConformanceCase } from './case.ts';
import { send } from './cases/201-send.ts';
import { sendCompressed } from './cases/202-send-compressed.ts';
import { receive } from './cases/401-receive.ts';
import { receiveCompressed } from './cases/402-receive-compressed.ts';
import { receiveChunked } from './cases/501-receive-chunked.ts';
import { sendChunked } from './cases/502-send-chunked.ts';
import { highVolume } from './cases/601-high-volume.ts';
import { mailboxDisabled } from './cases/701-mailbox-disabled.ts';
import { recipientInvalid } from './cases/702-recipient-invalid.ts';
import { undelivered } from './cases/703-undelivered.ts';
import { messageUnknown } from './cases/704-message-unknown.ts';
import { messageGone } from './cases/705-message-gone.ts';
import { oneCallAtATime } from './cases/801-one-call-at-a-time.ts';
import { publishedForm } from './cases/802-published-form.ts';
import { undeliveredTold } from './cases/803-undelivered-told.ts';

/** NHS England's "MESH API Compliance Test", version 1.6; 801 and 802 judge the calls of all that went before. */
export const catalogue: readonly ConformanceCase[] = [
  ...[send, sendCompressed, receive, receiveCompressed, receiveChunked, sendChunked, highVolume],
  ...[mailboxDisabled, recipientInvalid, undelivered, messageUnknown, messageGone],
  ...[undeliveredTold, oneCallAtATime, publishedForm],
];
