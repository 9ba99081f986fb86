import type { paths } from './__generated__/schema';
import { request } from './http';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Operation<M extends Method, P extends keyof paths> = Lowercase<M> extends keyof paths[P] ? NonNullable<paths[P][Lowercase<M>]> : never;
type PathsWith<M extends Method> = { [P in keyof paths]: [Operation<M, P>] extends [never] ? never : P }[keyof paths];

/** The names in braces of a path. */
type Names<P extends string> = P extends `${string}{${infer N}}${infer Rest}` ? N | Names<Rest> : never;
type Query<O> = O extends { parameters: { query?: infer V } } ? NonNullable<V> : never;
type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } } ? B : never;
type Json<R> = R extends { content: { 'application/json': infer B } } ? B : void;
type Answer<O> = O extends { responses: infer R } ? (R extends { 200: infer A } | { 201: infer A } | { 202: infer A } ? Lists<Json<A>> : void) : never;

/** The schema lets every list be null, as Go's encoder could; the server always sends one. */
export type Lists<T> = T extends readonly (infer E)[] ? Lists<E>[] : T extends object ? { [K in keyof T]: T[K] extends readonly (infer E)[] | null ? Lists<E>[] : T[K] extends object ? Lists<T[K]> : T[K] } : T;

type Options<O, P extends string> = { signal?: AbortSignal; idempotencyKey?: string; query?: Query<O> } & ([Names<P>] extends [never] ? { path?: never } : { path: Record<Names<P>, string> }) &
  ([Body<O>] extends [never] ? { body?: never } : { body: Body<O> });

/**
 * One operation of the API, by the method and path under which docs/api/openapi.json has it: parameters, body and
 * answer are checked against the generated types. It adds no code to `request`.
 */
export function call<M extends Method, P extends PathsWith<M>>(method: M, path: P, ...[options]: {} extends Options<Operation<M, P>, P> ? [Options<Operation<M, P>, P>?] : [Options<Operation<M, P>, P>]): Promise<Answer<Operation<M, P>>> {
  const { path: values, ...rest }: { path?: Record<string, string>; query?: Record<string, string | number | boolean | string[] | null>; body?: unknown; signal?: AbortSignal; idempotencyKey?: string } = options ?? {};
  return request(method, fill(path, values ?? {}), rest);
}

function fill(path: string, values: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}
