import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronLeft, Download, File, Plus, Trash2 } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { Problem, sentence } from '../api/problem';
import { Banner } from '../ui/Banner';
import { Button, buttonClass, IconButton } from '../ui/Button';
import { AlertDialog, Dialog } from '../ui/Dialog';
import { Field } from '../ui/Field';
import { Input } from '../ui/Input';
import { RelativeTime } from '../ui/RelativeTime';
import { Loading, Skeleton } from '../ui/Skeleton';
import { EmptyState, ErrorState } from '../ui/States';
import { deleteFile, fileAddress, fileQuery, filesQuery, writeFile } from './api';
import { useCanvas, useHead } from './context';
import { bytes } from './words';

/** The ticket's files: the directory in which its commands and terminals work. */
export function Files() {
  const head = useHead();
  const client = useQueryClient();
  const files = useQuery(filesQuery(head.key));
  const changed = useCanvas((c) => c.canvas.filesSeq);
  const [open, setOpen] = useState<{ path: string; fresh: boolean } | null>(null);
  const [naming, setNaming] = useState(false);
  const closed = head.status === 'closed';

  // The log says that a file changed; what it holds is read again.
  useEffect(() => {
    if (changed > 0) void client.invalidateQueries({ queryKey: filesQuery(head.key).queryKey, exact: true });
  }, [changed, client, head.key]);

  if (closed) return <EmptyState>The files were deleted when the ticket was closed. The timeline keeps the record that they were there.</EmptyState>;
  if (open !== null) return <FileView key={open.path} path={open.path} fresh={open.fresh} onBack={() => setOpen(null)} />;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex items-center gap-2 border-b border-line py-1.5 pr-2 pl-3">
        <p className="min-w-0 flex-1 text-meta text-ink-3">Deleted when the ticket is closed.</p>
        <Button size="small" icon={<Plus size={14} aria-hidden />} onClick={() => setNaming(true)}>
          New file
        </Button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto">
        {files.isPending && (
          <Loading label="the files">
            <div className="flex flex-col gap-4 p-4">
              <Skeleton className="w-1/2" />
              <Skeleton className="w-2/3" />
            </div>
          </Loading>
        )}
        {files.isError && <ErrorState title="The files were not loaded." detail={sentence(files.error)} requestId={files.error instanceof Problem ? files.error.requestId : undefined} onRetry={() => void files.refetch()} />}
        {files.data?.length === 0 && <EmptyState action={<Button onClick={() => setNaming(true)}>New file</Button>}>No files yet. What commands write in their working directory appears here.</EmptyState>}
        <ul>
          {files.data?.map((f) => (
            <li key={f.path} className="border-b border-line last:border-0">
              <button type="button" onClick={() => setOpen({ path: f.path, fresh: false })} className="focus-inset flex min-h-row w-full items-center gap-2 px-3 text-left text-control hover:bg-raised">
                <File size={16} aria-hidden className="shrink-0 text-ink-3" />
                <span className="min-w-0 flex-1 truncate font-mono">{f.path}</span>
                <span className="num shrink-0 text-meta text-ink-3">{bytes(f.size)}</span>
                <RelativeTime at={f.modified_at} className="w-20 shrink-0 text-right text-meta text-ink-3" />
              </button>
            </li>
          ))}
        </ul>
      </div>
      {naming && <NameDialog taken={files.data?.map((f) => f.path) ?? []} onClose={() => setNaming(false)} onName={(path) => (setNaming(false), setOpen({ path, fresh: true }))} />}
    </div>
  );
}

function NameDialog({ taken, onClose, onName }: { taken: string[]; onClose: () => void; onName: (path: string) => void }) {
  const [path, setPath] = useState('');
  const clean = path.trim();
  const fault = taken.includes(clean) ? 'A file of this name is there already.' : clean.startsWith('/') || clean.split('/').includes('..') ? 'A path within the ticket’s directory, without a leading slash or “..”.' : '';
  return (
    <Dialog
      open
      onClose={onClose}
      title="New file"
      onSubmit={() => clean && !fault && onName(clean)}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" disabledReason={!clean ? 'Type a name first.' : fault || false}>
            Write it
          </Button>
        </>
      }
    >
      <Field label="Name" hint="Directories are made as needed: manifests/limits.yaml" error={fault || null}>
        {(c) => <Input {...c} mono autoFocus value={path} onChange={(e) => setPath(e.target.value)} autoComplete="off" />}
      </Field>
    </Dialog>
  );
}

/** One file to read and edit. A `fresh` one is not on the server until it is saved. */
function FileView({ path, fresh, onBack }: { path: string; fresh: boolean; onBack: () => void }) {
  const head = useHead();
  const client = useQueryClient();
  const [unmade, setUnmade] = useState(fresh);
  const file = useQuery({ ...fileQuery(head.key, path), enabled: !unmade });
  const [draft, setDraft] = useState<{ base: string; text: string } | null>(null);
  const [asking, setAsking] = useState<'delete' | 'leave' | null>(null);
  const content = unmade ? '' : file.data;
  const text = draft?.text ?? content ?? '';
  const dirty = draft !== null && draft.text !== draft.base;
  const outside = dirty && !unmade && typeof file.data === 'string' && file.data !== draft.base;
  const refresh = () => client.invalidateQueries({ queryKey: filesQuery(head.key).queryKey });
  const save = useMutation({
    mutationFn: (saved: string) => writeFile(head.key, path, saved),
    onSuccess: (_r, saved) => {
      setDraft((d) => (d && d.text !== saved ? { base: saved, text: d.text } : null));
      client.setQueryData(fileQuery(head.key, path).queryKey, saved);
      setUnmade(false);
      void refresh();
    },
  });
  const remove = useMutation({ mutationFn: () => deleteFile(head.key, path), onSuccess: () => (void refresh(), onBack()) });
  const submit = (e?: FormEvent) => {
    e?.preventDefault();
    if (dirty && !save.isPending) save.mutate(text);
  };
  return (
    <form className="flex h-full min-h-0 flex-col" onSubmit={submit}>
      <div className="flex items-center gap-1 border-b border-line px-1.5 py-1.5">
        <IconButton name="Back to the files" size="small" icon={<ChevronLeft size={16} aria-hidden />} onClick={() => (dirty ? setAsking('leave') : onBack())} />
        <h2 className="min-w-0 flex-1 truncate font-mono text-control">{path}</h2>
        {dirty && <span className="shrink-0 text-meta text-warn">Not saved</span>}
        {!unmade && (
          <>
            <a href={fileAddress(head.key, path)} download className={`${buttonClass('quiet')} size-8 px-0!`} aria-label="Download">
          <Download size={16} aria-hidden />
        </a>
        <IconButton name="Delete file" size="small" icon={<Trash2 size={16} aria-hidden />} onClick={() => setAsking('delete')} />
          </>
        )}
        <Button type="submit" size="small" tone="primary" busy={save.isPending} disabledReason={!dirty && 'Nothing to save.'}>
          Save
        </Button>
      </div>
      {save.isError && <Banner tone="danger" live className="m-2">Not saved, your text is kept. {sentence(save.error)}</Banner>}
      {outside && (
        <Banner tone="warn" live className="m-2" actions={<Button size="small" onClick={() => setDraft(null)}>Load theirs</Button>}>
          The file changed while you edited it. Saving replaces that change.
        </Banner>
      )}
      {!unmade && file.isPending && (
        <Loading label="the file">
          <div className="flex flex-col gap-3 p-4">
            <Skeleton className="w-2/3" />
            <Skeleton className="w-1/2" />
          </div>
        </Loading>
      )}
      {file.isError && <ErrorState title="The file was not loaded." detail={sentence(file.error)} onRetry={() => void file.refetch()} />}
      {content === null && <EmptyState>This is not text. Download it to look at it.</EmptyState>}
      {typeof content === 'string' && (
        <textarea
          aria-label={`Content of ${path}`}
          spellCheck={false}
          autoFocus={fresh}
          value={text}
          onChange={(e) => setDraft({ base: draft?.base ?? content, text: e.target.value })}
          onKeyDown={(e) => {
            if (e.key.toLowerCase() !== 's' || !(e.ctrlKey || e.metaKey)) return;
            e.preventDefault();
            submit();
          }}
          className="focus-inset min-h-0 flex-1 resize-none overflow-auto bg-bg p-3 font-mono text-control leading-[1.45] whitespace-pre text-ink"
        />
      )}
      <AlertDialog open={asking === 'delete'} onClose={() => setAsking(null)} title={`Delete ${path}?`} description={remove.isError ? sentence(remove.error) : 'The timeline keeps the record that it was there.'} confirm="Delete" busy={remove.isPending} onConfirm={() => remove.mutate()} />
      <AlertDialog open={asking === 'leave'} onClose={() => setAsking(null)} title="Leave without saving?" description="What you changed in this file is lost." confirm="Leave" onConfirm={onBack} />
    </form>
  );
}
