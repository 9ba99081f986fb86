/** The destinations in what was typed: one a line, or separated by blanks or commas. */
export const destinationsFrom = (text: string): string[] => text.split(/[\s,]+/).filter((d) => d !== '');
