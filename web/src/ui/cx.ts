/** Joins class names; a primitive's own classes always win, callers add layout only. */
export { clsx as cx } from 'clsx';
