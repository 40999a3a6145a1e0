package progress

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Files finds how far this process has read some files, by the positions of its open files. So the
// code that reads them need not report it. A Files belongs to one goroutine at a time.
type Files struct {
	files  []file // in the order in which they are read
	size   int64  // octets of one pass; 0 if it is not known
	passes int
	pass   int
	done   int64 // octets of all passes, the most so far
}

// file is one of the files.
type file struct {
	dev, ino uint64
	size     int64
	pos      int64 // where it was read last
	stage    stage // in this pass
}

type stage int

const (
	unread stage = iota
	open
	read
)

// NewFiles returns the Files at these paths, which are read so many times, one after another or side
// by side. The path - is standard input. If one is not a regular file, such as a pipe, it is not known
// how much there is to read.
func NewFiles(paths []string, passes int) *Files {
	f := &Files{passes: passes}
	known := true
	for _, path := range paths {
		var s unix.Stat_t
		err := unix.Stat(path, &s)
		if path == "-" {
			err = unix.Fstat(int(os.Stdin.Fd()), &s)
		}
		if err != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
			known = false
			continue
		}
		f.files = append(f.files, file{dev: s.Dev, ino: s.Ino, size: s.Size})
		f.size += s.Size
	}
	if !known {
		f.size = 0
	}
	return f
}

// Read returns how many octets were read, and how many there are in all passes. size is 0 if it is
// not known: a reader of a part of a file leaves no position.
func (f *Files) Read() (done, size int64) {
	f.look()
	last := -1 // the last file that this pass has seen
	for i := range f.files {
		if f.files[i].stage != unread {
			last = i
		}
	}
	now := int64(f.pass) * f.size
	for i := range f.files {
		switch one := &f.files[i]; {
		case one.stage == open:
			now += min(one.pos, one.size)
		case one.stage == read || i < last: // small files may be read between two looks
			now += one.size
		}
	}
	f.done = max(f.done, now)
	if f.done == 0 {
		return 0, 0
	}
	return f.done, f.size * int64(f.passes)
}

// look notes the positions of the open files of this process.
func (f *Files) look() {
	seen := make(map[int]int64)
	names, _ := os.ReadDir("/proc/self/fd") // without it nothing is known
	for _, name := range names {
		var s unix.Stat_t
		if unix.Stat("/proc/self/fd/"+name.Name(), &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		for i := range f.files {
			if one := &f.files[i]; one.dev == s.Dev && one.ino == s.Ino {
				seen[i] = max(seen[i], position(name.Name()))
			}
		}
	}
	for i := range f.files {
		_, isOpen := seen[i]
		if one := &f.files[i]; isOpen && f.pass+1 < f.passes && (one.stage == read || one.stage == open && seen[i] < one.pos) {
			f.again()
			break
		}
	}
	for i := range f.files {
		one := &f.files[i]
		pos, isOpen := seen[i]
		switch {
		case isOpen:
			one.stage, one.pos = open, pos
		case one.stage == open:
			one.stage = read
		}
	}
}

// again begins the next pass.
func (f *Files) again() {
	f.pass++
	for i := range f.files {
		f.files[i].stage, f.files[i].pos = unread, 0
	}
}

// position returns the position of an open file, 0 if it was closed meanwhile.
func position(fd string) int64 {
	text, _ := os.ReadFile("/proc/self/fdinfo/" + fd)
	line, _, _ := strings.Cut(string(text), "\n")
	pos, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "pos:")), 10, 64)
	return pos
}
