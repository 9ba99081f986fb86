import { type RefObject, useCallback, useEffect, useRef } from 'react';

/** How long a card must have stood still before a press on it counts. */
export const settleMs = 400;

/**
 * Guards against pressing what just appeared or moved under the pointer. The returned function says whether the
 * element has stood still long enough.
 */
export function useSettled(box: RefObject<HTMLElement | null>): () => boolean {
  const since = useRef(performance.now());
  useEffect(() => {
    since.current = performance.now();
    const el = box.current;
    if (!el) return;
    let frame = 0;
    let last = el.getBoundingClientRect().top;
    // Only a card in view is watched, so a long ticket costs nothing.
    const watch = () => {
      const top = el.getBoundingClientRect().top;
      if (Math.abs(top - last) > 4 && !scrolledByHand()) since.current = performance.now();
      last = top;
      frame = requestAnimationFrame(watch);
    };
    const observer = new IntersectionObserver(([entry]) => {
      cancelAnimationFrame(frame);
      if (!entry?.isIntersecting) return;
      last = el.getBoundingClientRect().top;
      since.current = performance.now();
      frame = requestAnimationFrame(watch);
    });
    observer.observe(el);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [box]);
  return useCallback(() => performance.now() - since.current >= settleMs, []);
}

// A reader who scrolls moves the card themselves; the guard is against what moves it by itself.
let handAt = -Infinity;
if (typeof window !== 'undefined') {
  for (const type of ['wheel', 'touchmove', 'keydown'] as const) window.addEventListener(type, () => (handAt = performance.now()), { passive: true, capture: true });
}
const scrolledByHand = () => performance.now() - handAt < 150;
