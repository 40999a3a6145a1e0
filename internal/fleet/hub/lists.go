package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/outfile"
)

// lists guard the files of lists. The name of a list is its digest, so that a list that comes twice, or
// from two submitters at once, is one file. Each lock is that of the digests with one first digit.
type lists [16]sync.Mutex

// lock locks the files of a valid digest, and returns the function that unlocks them.
func (l *lists) lock(digest string) (unlock func()) {
	var n int
	_, _ = fmt.Sscanf(digest[:1], "%x", &n) // the digest is valid
	l[n].Lock()
	return l[n].Unlock
}

// mostList bounds a list, in bytes.
const mostList = 1 << 30

// partOfList begins the names of the files of lists that are not complete.
const partOfList = "part."

// list takes a part of a list. The list is there when its digest is right. A list that is there is
// complete, whoever sent it.
func (h *Hub) list(name string, data []byte) ([]byte, error) {
	var q talk.List
	body, err := talk.Decode(data, &q)
	if err != nil {
		return nil, err
	}
	switch {
	case !validDigest.MatchString(q.Digest):
		return nil, errors.New("the list has no digest")
	case q.Size < 0 || q.Size > mostList:
		return nil, fmt.Errorf("a list may have %d bytes", mostList)
	}
	defer h.lists.lock(q.Digest)()
	to, part := h.path("lists", q.Digest), h.path("lists", partOfList+name+"."+q.Digest)
	if _, err := os.Stat(to); err == nil {
		_ = os.Remove(part) // another submitter was faster; an error costs room alone
		return talk.Encode(&talk.PutReply{Size: q.Size}, nil)
	}
	size, err := appendPart(part, q.Offset, body)
	if err == nil && size >= q.Size {
		err = h.settleList(q.Digest, part, to)
	}
	if errors.Is(err, errList) {
		return nil, errors.Join(err, os.Remove(part))
	}
	if err != nil {
		return nil, errDisk(err)
	}
	return talk.Encode(&talk.PutReply{Size: size}, nil)
}

// errList means that a list is not what its digest is of.
var errList = errors.New("the list was damaged on its way; send it again")

// settleList syncs a list to the disk, and gives it its name.
func (h *Hub) settleList(digest, part, to string) error {
	f, err := h.cfg.Disk.Open(part, os.O_RDONLY)
	if err != nil {
		return err
	}
	sum, err := job.DigestOf(f)
	if err == nil && sum != digest {
		err = errList
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := h.cfg.Disk.Rename(part, to); err != nil {
		return err
	}
	return h.cfg.Disk.SyncDir(filepath.Dir(to))
}

// keepList writes a list of the hub itself to its file, unless it is there.
func (h *Hub) keepList(digest string, text []byte) error {
	defer h.lists.lock(digest)()
	path := h.path("lists", digest)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return outfile.Replace(path, 0o600, text)
}

// sweepLists removes the lists that an earlier hub has not got completely: submitters send them again.
func (h *Hub) sweepLists() error {
	files, err := os.ReadDir(h.path("lists"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if validDigest.MatchString(f.Name()) {
			continue
		}
		if err := os.Remove(h.path("lists", f.Name())); err != nil {
			return err
		}
	}
	return nil
}
