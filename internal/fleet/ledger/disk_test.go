package ledger

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// errCrash is that the machine has crashed at a step.
var errCrash = errors.New("crash")

// memory is a disk that crashes, or fails, at a chosen step. What was not synced may be lost.
type memory struct {
	names  map[string]*inode // as a process sees them
	synced map[string]*inode // as they are after a crash
	steps  int               // until the fault; below 0 there is none
	crash  bool              // the fault is a crash, not an error of one step
	dead   bool
	count  int // steps so far
	rng    *rand.Rand
}

type inode struct{ data, synced []byte }

func newMemory(seed uint64) *memory {
	return &memory{names: map[string]*inode{}, synced: map[string]*inode{}, steps: -1, rng: rand.New(rand.NewPCG(seed, 1))}
}

// step counts a step that changes the disk, and returns its fault.
func (m *memory) step() error {
	if m.dead {
		return errCrash
	}
	m.count++
	if m.steps < 0 {
		return nil
	}
	m.steps--
	if m.steps >= 0 {
		return nil
	}
	m.dead = m.crash
	return errCrash
}

// reboot returns the disk after a crash: any part of what was not synced is there.
func (m *memory) reboot() *memory {
	after := newMemory(m.rng.Uint64())
	for path, node := range m.synced {
		if later, ok := m.names[path]; ok && m.rng.IntN(2) == 0 { // a rename that was not synced
			node = later
		}
		after.put(path, node.kept(m.rng))
	}
	for path, node := range m.names {
		if _, ok := m.synced[path]; !ok && m.rng.IntN(2) == 0 {
			after.put(path, node.kept(m.rng))
		}
	}
	return after
}

func (m *memory) put(path string, data []byte) {
	node := &inode{data: data, synced: append([]byte(nil), data...)}
	m.names[path], m.synced[path] = node, node
}

// kept returns the content after a crash: the synced one, or part of the rest too.
func (n *inode) kept(rng *rand.Rand) []byte {
	if len(n.data) < len(n.synced) {
		return append([]byte(nil), n.synced...)
	}
	if rng.IntN(2) == 0 {
		return append([]byte(nil), n.synced...)
	}
	return append([]byte(nil), n.data[:len(n.synced)+rng.IntN(len(n.data)-len(n.synced)+1)]...)
}

func (m *memory) Open(path string, flag int) (File, error) {
	if m.dead {
		return nil, errCrash
	}
	node, ok := m.names[path]
	if !ok && flag&os.O_CREATE == 0 {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if !ok {
		if err := m.step(); err != nil {
			return nil, err
		}
		node = &inode{}
		m.names[path] = node
	}
	return &handle{disk: m, node: node}, nil
}

func (m *memory) Rename(from, to string) error {
	if err := m.step(); err != nil {
		return err
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memory) SyncDir(path string) error {
	if err := m.step(); err != nil {
		return err
	}
	for name, node := range m.names {
		if filepath.Dir(name) == path {
			m.synced[name] = node
		}
	}
	for name := range m.synced {
		if _, ok := m.names[name]; !ok && filepath.Dir(name) == path {
			delete(m.synced, name)
		}
	}
	return nil
}

type handle struct {
	disk *memory
	node *inode
	at   int
}

func (h *handle) Read(b []byte) (int, error) {
	if h.at >= len(h.node.data) {
		return 0, io.EOF
	}
	n := copy(b, h.node.data[h.at:])
	h.at += n
	return n, nil
}

func (h *handle) Write(b []byte) (int, error) {
	if err := h.disk.step(); err != nil {
		n := h.disk.rng.IntN(len(b) + 1) // a write may fail in the middle
		h.node.data = append(h.node.data, b[:n]...)
		return n, err
	}
	h.node.data = append(h.node.data, b...)
	return len(b), nil
}

func (h *handle) Sync() error {
	if err := h.disk.step(); err != nil {
		return err
	}
	h.node.synced = append([]byte(nil), h.node.data...)
	return nil
}

func (h *handle) Truncate(n int64) error {
	if err := h.disk.step(); err != nil {
		return err
	}
	h.node.data = h.node.data[:n]
	return nil
}

func (h *handle) Close() error { return nil }
