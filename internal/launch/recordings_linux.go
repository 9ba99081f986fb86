package launch

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"helpdesk"
)

// recordings counts the recorded output of each tenant, told by the prefix of its tickets, which no two tenants share.
type recordings struct {
	limit int64

	mu   sync.Mutex
	used map[string]int64
}

// filling is from where on there is a notice.
const filling = 80 // percent

// prefixOf gives the tenant's part of a ticket's key.
func prefixOf(ticket string) string {
	prefix, _, _ := strings.Cut(ticket, "-")
	return prefix
}

// count counts what is on disk. It is called once, before anything is recorded.
func (r *recordings) count(transcripts *os.Root) error {
	tickets, err := fs.ReadDir(transcripts.FS(), ".")
	if err != nil {
		return err
	}
	for _, t := range tickets {
		size, err := recorded(transcripts, t.Name())
		if err != nil {
			return err
		}
		r.free(t.Name(), -size)
	}
	return nil
}

// recorded says how much output of a ticket is on disk. What vanishes meanwhile takes no room.
func recorded(transcripts *os.Root, ticket string) (size int64, err error) {
	err = fs.WalkDir(transcripts.FS(), ticket, func(p string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() || strings.Trim(path.Base(p), "0123456789") != "" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		if os.IsNotExist(err) {
			err = nil
		}
		return err
	})
	return size, err
}

// take takes room for n bytes, or for as many as there is, and says whether the tenant's recordings fill up.
func (r *recordings) take(ticket string, n int) (got int, full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	used := r.used[prefixOf(ticket)]
	got = int(max(0, min(int64(n), r.limit-used)))
	r.used[prefixOf(ticket)] = used + int64(got)
	return got, used+int64(got) >= r.limit/100*filling
}

// free gives room back.
func (r *recordings) free(ticket string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used[prefixOf(ticket)] -= n
}

// room says whether something more can be recorded.
func (r *recordings) room(ticket string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used[prefixOf(ticket)] >= r.limit {
		return helpdesk.Errorf(helpdesk.TooMany, "The tenant's recordings have reached their limit of %s. Delete tickets that are not needed, or let an administrator raise limits.recording_per_tenant.", sizeText(r.limit))
	}
	return nil
}

func sizeText(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.4g GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.4g MB", float64(n)/1e6)
}
