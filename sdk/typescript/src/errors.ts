/** What the server answered instead of success. Compare its code, which docs/errors.md lists; texts may change. */
export class LeadmillError extends Error {
  override name = 'LeadmillError';
  /** The status of HTTP. */
  readonly status: number;
  /** Such as validation_failed; empty when what answered is no Leadmill server. */
  readonly code: string;
  /** What helps to mend the request. */
  readonly hint: string | undefined;
  /** What is missing or wrong, with the reasons that are known. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** Leads to the request in the logs of the server. */
  readonly requestId: string | undefined;
  /** How many milliseconds to wait, or 0 when the server did not say. */
  readonly retryAfter: number;

  constructor(status: number, headers: Headers, said: Refusal) {
    const code = typeof said.code === 'string' ? said.code : '';
    super(code === '' ? `${status}, which is no answer of Leadmill` : `${status} ${code}: ${said.message ?? said.error ?? ''}`);
    this.status = status;
    this.code = code;
    this.hint = said.hint;
    this.requestId = said.request_id ?? headers.get('X-Request-Id') ?? undefined;
    this.retryAfter = retryAfter(headers);
    const fields: Record<string, readonly string[]> = {};
    for (const [name, reasons] of Object.entries(said.errors ?? {})) {
      fields[name] = typeof reasons === 'string' ? [reasons] : reasons;
    }
    for (const name of said.fields ?? []) {
      fields[name] ??= [];
    }
    this.fields = fields;
  }
}

/** A cursor that means nothing in the log of the server, as after a restore of its database: docs/events.md, "When the log is another". */
export class LogChangedError extends LeadmillError {
  override name = 'LogChangedError';
  /** The log that the server has. */
  readonly logId: string;
  /** Its last position. */
  readonly head: number;

  constructor(status: number, headers: Headers, said: Refusal) {
    super(status, headers, said);
    this.logId = said.log_id ?? '';
    this.head = said.head ?? 0;
  }
}

/** A cursor before the first event that the server still has. */
export class PositionArchivedError extends LeadmillError {
  override name = 'PositionArchivedError';
  /** The first position that there is. */
  readonly first: number;

  constructor(status: number, headers: Headers, said: Refusal) {
    super(status, headers, said);
    this.first = said.first ?? 0;
  }
}

/** A refusal in either form: that of /api, and that of all other paths. */
interface Refusal {
  code?: string;
  message?: string;
  error?: string;
  hint?: string;
  request_id?: string;
  fields?: string[];
  errors?: Record<string, string | string[]>;
  log_id?: string;
  head?: number;
  first?: number;
}

/** The error that an answer is. */
export function errorOf(status: number, headers: Headers, text: string): LeadmillError {
  let said: Refusal = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (status >= 300 && typeof parsed === 'object' && parsed !== null) {
      said = parsed;
    }
  } catch {
    // what answered is no Leadmill server
  }
  switch (said.code) {
    case 'log_changed':
    case 'position_ahead':
      return new LogChangedError(status, headers, said);
    case 'position_archived':
      return new PositionArchivedError(status, headers, said);
    default:
      return new LeadmillError(status, headers, said);
  }
}

/** How many milliseconds an answer asks to wait: it says seconds, or a date. */
function retryAfter(headers: Headers): number {
  const text = headers.get('Retry-After') ?? '';
  if (/^\d+$/.test(text)) {
    return Math.min(Number(text), 24 * 3600) * 1000;
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}
