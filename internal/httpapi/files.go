package httpapi

import (
	"context"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"helpdesk"
)

// FileView is a file or directory of a ticket's workspace.
type FileView struct {
	Path       string    `json:"path"`
	Kind       string    `json:"kind" enum:"file,directory,other" doc:"Only files can be opened."`
	Size       int64     `json:"size"`
	ModifiedAt time.Time `json:"modified_at"`
}

type byPath struct {
	byKey
	Path string `path:"path" maxLength:"4096" doc:"Relative, with slashes, without .. in it."`
}

func (s *Server) files() {
	const tag = "Files"
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/files", ID: "list-files", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag, Summary: "List a ticket's files",
	}, func(ctx context.Context, by caller, in *byKey) (*list[FileView], error) {
		files, err := s.Workspace.List(ctx, by.Actor, in.key())
		all := make([]FileView, 0, len(files))
		for _, f := range files {
			all = append(all, fileView(f))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/files/{path}", ID: "read-file", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag,
		Summary: "Read a file", Answer: "application/octet-stream", AnswerSays: "The file's bytes.",
	}, func(ctx context.Context, by caller, in *byPath) (*huma.StreamResponse, error) {
		body, f, err := s.Workspace.Read(ctx, by.Actor, in.key(), in.Path)
		if err != nil {
			return nil, err
		}
		return stream("application/octet-stream", http.Header{
			"Content-Disposition": {attachmentNamed(path.Base(f.Path))}, "Content-Length": {strconv.FormatInt(f.Size, 10)},
			"Last-Modified": {f.ModifiedAt.UTC().Format(http.TimeFormat)},
		}, body), nil
	})
	register(s, operation{
		Method: "PUT", Path: "/tickets/{key}/files/{path}", ID: "write-file", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag,
		MaxBody: s.cfg.File, Read: 5 * time.Minute, Summary: "Write a file", About: "The body is the file's bytes. Directories are made as needed.",
	}, func(ctx context.Context, by caller, in *struct {
		byPath
		RawBody []byte `contentType:"application/octet-stream"`
	}) (*one[FileView], error) {
		f, err := s.Workspace.Write(ctx, by.Actor, in.key(), in.Path, in.RawBody)
		return &one[FileView]{fileView(f)}, err
	})
	register(s, operation{
		Method: "DELETE", Path: "/tickets/{key}/files/{path}", ID: "delete-file", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag, Status: http.StatusNoContent,
		Summary: "Delete a file",
	}, func(ctx context.Context, by caller, in *byPath) (*nothing, error) {
		return nil, s.Workspace.Delete(ctx, by.Actor, in.key(), in.Path)
	})
}

// attachmentNamed makes browsers save and never show what they get.
func attachmentNamed(name string) string {
	if v := mime.FormatMediaType("attachment", map[string]string{"filename": name}); v != "" {
		return v
	}
	return "attachment"
}

func fileView(f File) FileView {
	v := FileView{Path: f.Path, Kind: "file", Size: f.Size, ModifiedAt: f.ModifiedAt}
	switch {
	case f.Dir:
		v.Kind = "directory"
	case f.Other:
		v.Kind = "other"
	}
	return v
}
