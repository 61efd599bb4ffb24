/**
 * How a request is refused, by Spine code: HTTP status, FHIR issue type, and the text that the code system has for it.
 * Source: nhsconnect/STU3-FHIR-Assets, CodeSystem-Spine-ErrorOrWarningCode-1 1.7.0, for the texts; nhsconnect/FHIR-SpineCore,
 * pages/resources/resources_error_handling.md, for status and type. It has no code for 405 and 413 (a request that is not
 * right), nor for a version conflict, nor for a service that is away.
 */
const refusals = {
  BAD_REQUEST: [400, 'invalid', 'Bad request'],
  INVALID_NHS_NUMBER: [400, 'value', 'Invalid NHS number'],
  INVALID_IDENTIFIER_SYSTEM: [400, 'value', 'Invalid identifier system'],
  INVALID_CODE_SYSTEM: [400, 'code-invalid', 'Invalid code system'],
  INVALID_CODE_VALUE: [400, 'code-invalid', 'Invalid code value'],
  INVALID_ELEMENT: [400, 'value', 'Invalid element'],
  MESSAGE_NOT_WELL_FORMED: [400, 'structure', 'Message not well formed'],
  NO_RECORD_FOUND: [404, 'not-found', 'No record found'],
  MSG_RESOURCE_ID_FAIL: [405, 'forbidden', 'Client is not permitted to assign an id'],
  INVALID_REQUEST_STATE: [409, 'conflict', 'Invalid request state'],
  PRECONDITION_FAILED: [412, 'conflict', 'Precondition failed'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'not-supported', 'Unsupported media type'],
  DUPLICATE_REJECTED: [422, 'duplicate', 'Create would lead to creation of a duplicate resource'],
  INVALID_RESOURCE: [422, 'invalid', 'Invalid validation of resource'],
  INTERNAL_SERVER_ERROR: [500, 'processing', 'Unexpected internal server error'],
} as const;

export type RefusalCode = keyof typeof refusals;

interface RefusalOptions extends ErrorOptions {
  readonly status?: number;
  readonly issueType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer other than success. Its message is for the client: a sentence that says what to do, and quotes nobody's data. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly status: number;
  readonly issueType: string;
  readonly display: string;
  /** That go with the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options);
    const [status, issueType, display] = refusals[code];
    this.code = code;
    this.status = options.status ?? status;
    this.issueType = options.issueType ?? issueType;
    this.display = display;
    this.headers = options.headers ?? {};
  }
}
