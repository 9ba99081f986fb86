/** The first stop of the Tab key: past the navigation, into the page. */
export function SkipLink({ target }: { target: string }) {
  return (
    <a
      href={`#${target}`}
      onClick={(e) => {
        e.preventDefault();
        document.getElementById(target)?.focus();
      }}
      className="fixed top-2 left-2 z-50 -translate-y-16 rounded-control bg-accent px-3 py-2 text-control font-medium text-accent-fg focus-visible:translate-y-0"
    >
      Skip to content
    </a>
  );
}
