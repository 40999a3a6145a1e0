package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

const dir = "/job"

// offer puts a segment where uploads are, and returns its entry and path.
func offer(disk *memory, n int, epoch uint64) (Entry, string) {
	data := fmt.Appendf(nil, "records of slice %d, epoch %d", n, epoch)
	path := fmt.Sprintf("/job/incoming/%d.%d", n, epoch)
	if _, ok := disk.names[path]; !ok && !disk.dead {
		disk.names[path] = &inode{data: data} // not synced
	}
	sum := sha256.Sum256(data)
	return Entry{
		Unit: Unit{Slice: uint32(n)}, By: "a", Epoch: epoch, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data)),
	}, path
}

// check fails unless every entry has its whole segment, as a reader finds it after a crash.
func check(t *testing.T, disk *memory, l *Ledger) {
	t.Helper()
	for e := range l.All {
		node, ok := disk.names[filepath.Join(dir, e.Segment())]
		if !ok {
			t.Fatalf("slice %d is done, and its segment is gone", e.Slice)
		}
		sum := sha256.Sum256(node.data)
		if hex.EncodeToString(sum[:]) != e.SHA256 {
			t.Fatalf("the segment of slice %d has %q", e.Slice, node.data)
		}
	}
}

// However a crash or an error of the disk cuts the commits, no slice that was acknowledged is lost,
// none is done twice, and every entry has a whole segment.
func TestLedgerSurvivesEveryStep(t *testing.T) {
	const slices = 4
	whole := newMemory(0)
	fill(t, whole, slices)
	for _, crash := range []bool{true, false} {
		for step := range whole.count {
			for seed := range uint64(effort.Count(20, 500)) {
				disk := newMemory(seed)
				disk.steps, disk.crash = step, crash
				acknowledged := map[int]uint64{}
				if l, err := Open(disk, dir); err == nil {
					for n := range slices {
						for epoch := uint64(1); epoch < 4; epoch++ {
							e, path := offer(disk, n, epoch)
							err := l.Commit(t.Context(), e, path)
							if err == nil && acknowledged[n] != 0 {
								t.Fatalf("step %d: slice %d was done twice", step, n)
							}
							if err == nil {
								acknowledged[n] = epoch
							}
						}
					}
				}
				disk = disk.reboot()
				l, err := Open(disk, dir)
				if err != nil {
					t.Fatalf("step %d, seed %d: %v", step, seed, err)
				}
				for n, epoch := range acknowledged {
					if e, ok := l.Done(Unit{Slice: uint32(n)}); !ok || e.Epoch != epoch {
						t.Fatalf("step %d, seed %d: slice %d of epoch %d became %+v, %v", step, seed, n, epoch, e, ok)
					}
				}
				check(t, disk, l)
				// The rest is done by a later try.
				for n := range slices {
					e, path := offer(disk, n, 9)
					if err := l.Commit(t.Context(), e, path); err != nil && !errors.Is(err, ErrDone) {
						t.Fatal(err)
					}
				}
				check(t, disk, l)
				if l.Len() != slices {
					t.Fatalf("step %d, seed %d: %d slices", step, seed, l.Len())
				}
			}
		}
	}
}

// fill commits every slice.
func fill(t *testing.T, disk *memory, slices int) {
	t.Helper()
	l, err := Open(disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range slices {
		e, path := offer(disk, n, 1)
		if err := l.Commit(t.Context(), e, path); err != nil {
			t.Fatal(err)
		}
	}
}

// A segment that is not what the agent sent is refused, and the slice stays open.
func TestLedgerRefusesDamage(t *testing.T) {
	disk := newMemory(1)
	l, err := Open(disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	e, path := offer(disk, 1, 1)
	disk.names[path].data[3] ^= 1
	if err := l.Commit(t.Context(), e, path); !errors.Is(err, ErrDigest) {
		t.Fatalf("Commit = %v", err)
	}
	if _, ok := l.Done(e.Unit); ok {
		t.Fatal("the slice is done")
	}
}

// A damaged line in the middle of a manifest is an error: the lines after it were acknowledged.
func TestLedgerRefusesDamagedManifest(t *testing.T) {
	disk := newMemory(1)
	fill(t, disk, 3)
	disk.names["/job/manifest"].data[20] ^= 1
	if _, err := Open(disk, dir); !errors.Is(err, errCorrupt) {
		t.Fatalf("Open = %v", err)
	}
}

// Two processes do not write one ledger.
func TestLedgerIsLocked(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Open(OS{}, dir); err == nil {
		t.Fatal("a second process opened the ledger")
	}
}
