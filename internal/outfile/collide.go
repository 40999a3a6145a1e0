package outfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Use is a file that a run reads or writes: Name is the field of the configuration that names
// it.
type Use struct {
	Name, Path string
	Writes     bool
}

// Reads returns the uses of files that are read.
func Reads(name string, paths ...string) []Use { return uses(name, false, paths) }

// Writes returns the uses of files that are written.
func Writes(name string, paths ...string) []Use { return uses(name, true, paths) }

func uses(name string, writes bool, paths []string) []Use {
	var list []Use
	for _, path := range paths {
		list = append(list, Use{name, path, writes})
	}
	return list
}

// CollisionError means that two fields of a configuration name the same file, and that the
// run would write to it.
type CollisionError struct{ First, Second Use }

// Error implements error.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("%s and %s name the same file: %s", e.First.Name, e.Second.Name, e.Path())
}

// Path returns the path of the file, or - if only the standard streams name it.
func (e *CollisionError) Path() string {
	if e.Second.Path == "-" {
		return e.First.Path
	}
	return e.Second.Path
}

// Collide returns a *CollisionError if two of the files are the same, even by different
// paths, and one of them is written. The path - stands for stdin if it is read, else for stdout;
// both may be nil. Devices, pipes and sockets do not count.
func Collide(uses []Use, stdin io.Reader, stdout io.Writer) error {
	seen := map[identity]Use{}
	for _, pass := range []bool{true, false} { // those that are written to come first
		for _, u := range uses {
			id, ok := u.identify(stdin, stdout)
			if u.Writes != pass || !ok {
				continue
			}
			if other, taken := seen[id]; taken {
				return &CollisionError{other, u}
			}
			if u.Writes {
				seen[id] = u
			}
		}
	}
	return nil
}

// identity tells files apart: those that exist by device and inode, others by the identity
// of their folder and their name.
type identity struct {
	device, inode uint64
	name          string // "" of a file that exists
}

// identify returns the identity of the file of u.
func (u Use) identify(stdin io.Reader, stdout io.Writer) (id identity, ok bool) {
	switch {
	case u.Path != "-":
		return identify(u.Path)
	case u.Writes:
		return identifyStream(stdout)
	}
	return identifyStream(stdin)
}

// identifyStream returns the identity of the regular file that a standard stream is; ok is false
// for other streams.
func identifyStream(stream any) (id identity, ok bool) {
	file, ok := stream.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return id, false
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return id, false
	}
	return identityOf(info)
}

// identify returns the identity of the regular file that is at path, or will be; ok is false
// if there is none, or it cannot be known.
func identify(path string) (id identity, ok bool) {
	if path == "" {
		return id, false
	}
	info, err := os.Stat(path)
	if err == nil {
		if !info.Mode().IsRegular() {
			return id, false
		}
		return identityOf(info)
	}
	// A link to nothing is named after the file that it would make.
	if to, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		if path = to; isLink(path) {
			return id, false // several: no file is made through them
		}
	}
	info, err = os.Stat(filepath.Dir(path))
	if err != nil {
		return id, false
	}
	id, ok = identityOf(info)
	id.name = filepath.Base(path)
	return id, ok
}

func identityOf(info fs.FileInfo) (id identity, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if ok {
		id.device, id.inode = uint64(s.Dev), s.Ino
	}
	return id, ok
}
