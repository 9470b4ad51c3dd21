import type { paths } from './api.gen.js';
import type { components as events } from './events.gen.js';

type Method = 'get' | 'put' | 'post' | 'delete';

/** The paths that can be called by a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type OperationOf<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;

type Part<O, K extends string> = O extends { parameters: infer A } ? (K extends keyof A ? NonNullable<A[K]> : never) : never;

type Body<O> = O extends { requestBody?: infer B } ? (NonNullable<B> extends { content: infer C } ? C[keyof C] : never) : never;

/** A member that may be left out when it may be empty, and must be when there is none. */
type Member<K extends string, T> = [T] extends [never] ? { [X in K]?: never } : {} extends T ? { [X in K]?: T } : { [X in K]: T };

/** What goes with a call: parameters of the path, of the query, and the body. */
export type InitOf<P extends keyof paths, M extends Method> = Member<'path', Part<OperationOf<P, M>, 'path'>> &
  Member<'query', Part<OperationOf<P, M>, 'query'>> &
  (OperationOf<P, M> extends { requestBody: unknown }
    ? { body: Body<OperationOf<P, M>> }
    : Member<'body', Partial<Body<OperationOf<P, M>>>>) & {
    /** A key of yours, to call again after the program was stopped: the answer of the first call is kept for 24 hours. */
    idempotencyKey?: string;
    /** Such as traceparent. */
    headers?: Record<string, string>;
    signal?: AbortSignal;
  };

/** The last argument of a call, which may be left out when nothing in it is required. */
export type Arguments<P extends keyof paths, M extends Method> = {} extends InitOf<P, M> ? [init?: InitOf<P, M>] : [init: InitOf<P, M>];

/** The answer of success. */
export type AnswerOf<P extends keyof paths, M extends Method> =
  OperationOf<P, M> extends { responses: infer R }
    ? { [S in keyof R]: R[S] extends { content: { 'application/json': infer T } } ? T : undefined }[keyof R]
    : never;

/** The paths of lists that have pages. */
export type ListPath = {
  [P in PathOf<'get'>]: AnswerOf<P, 'get'> extends { data: unknown[]; links: { next: string | null } } ? P : never;
}[PathOf<'get'>];

/** What a list holds. */
export type ItemOf<P extends ListPath> = AnswerOf<P, 'get'> extends { data: (infer T)[] } ? T : never;

/** The data of the events, by their types. */
export type EventData = events['schemas'];

export type EventType = keyof EventData;

/** An event: a CloudEvent 1.0. Its type tells what its data is. */
export type Event<T extends EventType = EventType> = {
  [K in T]: {
    specversion: '1.0';
    id: string;
    source: string;
    type: K;
    subject: string;
    time: string;
    datacontenttype: 'application/json';
    dataschema: string;
    data: EventData[K];
    /** The position in the log: 20 digits, so that it orders as text. */
    sequence: string;
    aggregateversion: number;
    correlationid?: string;
    causationid?: string;
    traceparent?: string;
  };
}[T];
