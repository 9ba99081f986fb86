package httpapi

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"helpdesk"
	"helpdesk/internal/workspace"
)

// FileView is a file or directory of a ticket's workspace.
type FileView struct {
	Path       string    `json:"path"`
	Kind       string    `json:"kind" enum:"file,directory,other" doc:"Only files can be opened."`
	Size       int64     `json:"size"`
	ModifiedAt time.Time `json:"modified_at"`
}

// FilePath is the path of a ticket's file.
type FilePath struct {
	TicketPath
	Path string `path:"path" maxLength:"4096" doc:"Relative, with slashes, without .. in it."`
}

func (s *Server) files() {
	const tag = "Files"
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/files", ID: "listFiles", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag, Summary: "List a ticket's files",
	}, func(ctx context.Context, by caller, in *struct {
		TicketPath
		Dir  string `query:"dir" maxLength:"4096" doc:"Only what is in this directory."`
		Deep bool   `query:"deep" doc:"What is in the directories below, too."`
	}) (*list[FileView], error) {
		files, err := s.Workspace.List(ctx, by.Actor, in.key(), in.Dir, in.Deep)
		all := make([]FileView, 0, len(files))
		for _, f := range files {
			all = append(all, fileView(f))
		}
		return whole(all), err
	})
	register(s, operation{
		Method: "GET", Path: "/tickets/{key}/files/{path}", ID: "readFile", Permission: helpdesk.PermTicketRead, In: inTicket, Tag: tag,
		Summary: "Read a file", Answer: "application/octet-stream", AnswerSays: "The file's bytes.",
	}, func(ctx context.Context, by caller, in *FilePath) (*huma.StreamResponse, error) {
		body, f, err := s.Workspace.Read(ctx, by.Actor, in.key(), in.Path)
		if err != nil {
			return nil, err
		}
		return stream("application/octet-stream", http.Header{
			"Content-Disposition": {attachmentNamed(path.Base(f.Path))}, "Content-Length": {strconv.Itoa(len(body))},
			"Last-Modified": {f.ModTime.UTC().Format(http.TimeFormat)},
		}, io.NopCloser(bytes.NewReader(body))), nil
	})
	register(s, operation{
		Method: "PUT", Path: "/tickets/{key}/files/{path}", ID: "writeFile", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag,
		MaxBody: s.cfg.File, MayBeEmpty: true, Read: 5 * time.Minute, Summary: "Write a file", About: "The body is the file's bytes. Directories are made as needed.",
	}, func(ctx context.Context, by caller, in *struct {
		FilePath
		Executable bool   `query:"executable" doc:"Whether it may be run as a program."`
		RawBody    []byte `contentType:"application/octet-stream"`
	}) (*one[FileView], error) {
		f, err := s.Workspace.Write(ctx, by.Actor, in.key(), in.Path, in.RawBody, in.Executable)
		return &one[FileView]{fileView(f)}, err
	})
	register(s, operation{
		Method: "DELETE", Path: "/tickets/{key}/files/{path}", ID: "deleteFile", Permission: helpdesk.PermTicketWrite, In: inTicket, Tag: tag, Status: http.StatusNoContent,
		Summary: "Delete a file",
	}, func(ctx context.Context, by caller, in *FilePath) (*nothing, error) {
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

func fileView(f workspace.File) FileView {
	v := FileView{Path: f.Path, Kind: "file", Size: f.Size, ModifiedAt: f.ModTime}
	switch {
	case f.Dir:
		v.Kind = "directory"
	case f.Other:
		v.Kind = "other"
	}
	return v
}
