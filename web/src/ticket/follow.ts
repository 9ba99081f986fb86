import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

/** Whether the conversation goes along with what comes, or stays where the reader is. */
export type Pin = 'following' | 'reading';
export type PinEvent =
  /** The reader turned back: wheel up, a key up, a finger. Only where there is something above. */
  | { kind: 'back'; above: boolean }
  /** The reader selects text or opened something. */
  | { kind: 'hold' }
  /** The reader scrolled down onto the end. */
  | { kind: 'end' }
  /** Jump to latest, the End key, or a message of their own. */
  | { kind: 'jump' };

/** What the reader did decides, never a measured distance: a layout that jumps cannot unpin, and an end that comes near cannot pin. */
export function pinAfter(pin: Pin, e: PinEvent): Pin {
  if (e.kind === 'jump' || e.kind === 'end') return 'following';
  if (e.kind === 'back') return e.above ? 'reading' : pin;
  return 'reading';
}

const backKeys = new Set(['PageUp', 'ArrowUp', 'Home']);
const nearEnd = 2;

/**
 * The one owner of the conversation's scroll position. While following, the end stays in view however content and
 * room change; while reading, it never moves by itself.
 */
export function useFollow(scroller: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>) {
  const [pin, setPin] = useState<Pin>('following');
  const current = useRef<Pin>('following');

  const send = useCallback((e: PinEvent) => {
    const next = pinAfter(current.current, e);
    if (next === current.current) return;
    current.current = next;
    setPin(next);
  }, []);

  const toEnd = useCallback(() => {
    const el = scroller.current;
    if (el && current.current === 'following') el.scrollTop = el.scrollHeight;
  }, [scroller]);

  const jump = useCallback(() => {
    send({ kind: 'jump' });
    toEnd();
  }, [send, toEnd]);

  useLayoutEffect(() => {
    const el = scroller.current;
    const inner = content.current;
    if (!el || !inner) return;
    const observer = new ResizeObserver(toEnd);
    observer.observe(el);
    observer.observe(inner);
    return () => observer.disconnect();
  }, [scroller, content, toEnd]);

  useEffect(() => {
    const el = scroller.current;
    if (!el) return;
    let lastTop = el.scrollTop;
    let touchY = 0;
    const above = () => el.scrollHeight > el.clientHeight + 1;
    const onWheel = (e: WheelEvent) => e.deltaY < 0 && !e.ctrlKey && send({ kind: 'back', above: above() });
    const onKey = (e: KeyboardEvent) => {
      const inField = e.target instanceof HTMLElement && e.target.closest('input, textarea, select, [role=menu], [role=radiogroup]');
      if (inField) return;
      if (backKeys.has(e.key) || (e.key === ' ' && e.shiftKey)) send({ kind: 'back', above: above() });
      if (e.key === 'End') {
        e.preventDefault();
        jump();
      }
    };
    const onTouchStart = (e: TouchEvent) => {
      touchY = e.touches[0]?.clientY ?? 0;
    };
    const onTouchMove = (e: TouchEvent) => (e.touches[0]?.clientY ?? 0) > touchY + 4 && send({ kind: 'back', above: above() });
    // Dragging the scroll bar: the press falls on the scroller itself, outside what it holds.
    let dragging = false;
    const onPointerDown = (e: PointerEvent) => {
      dragging = e.target === el && e.offsetX >= el.clientWidth;
    };
    const onPointerUp = () => {
      dragging = false;
    };
    const onScroll = () => {
      const top = el.scrollTop;
      const down = top > lastTop;
      if (dragging && top < lastTop) send({ kind: 'back', above: true });
      lastTop = top;
      if (down && current.current === 'reading' && el.scrollHeight - el.clientHeight - top <= nearEnd && !selecting(el)) send({ kind: 'end' });
    };
    const onSelect = () => selecting(el) && send({ kind: 'hold' });
    el.addEventListener('wheel', onWheel, { passive: true });
    el.addEventListener('keydown', onKey);
    el.addEventListener('touchstart', onTouchStart, { passive: true });
    el.addEventListener('touchmove', onTouchMove, { passive: true });
    el.addEventListener('pointerdown', onPointerDown);
    window.addEventListener('pointerup', onPointerUp);
    el.addEventListener('scroll', onScroll, { passive: true });
    document.addEventListener('selectionchange', onSelect);
    return () => {
      el.removeEventListener('wheel', onWheel);
      el.removeEventListener('keydown', onKey);
      el.removeEventListener('touchstart', onTouchStart);
      el.removeEventListener('touchmove', onTouchMove);
      el.removeEventListener('pointerdown', onPointerDown);
      window.removeEventListener('pointerup', onPointerUp);
      el.removeEventListener('scroll', onScroll);
      document.removeEventListener('selectionchange', onSelect);
    };
  }, [scroller, send, jump]);

  const hold = useCallback(() => send({ kind: 'hold' }), [send]);
  return { pin, jump, hold, toEnd };
}

function selecting(el: HTMLElement): boolean {
  const s = document.getSelection();
  return s !== null && !s.isCollapsed && s.anchorNode !== null && el.contains(s.anchorNode);
}
