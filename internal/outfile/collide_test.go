package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The same file is found by any path; files that are only read may be the same, and devices
// do not count.
func TestCollide(t *testing.T) {
	dir := t.TempDir()
	there, hard, link := filepath.Join(dir, "there"), filepath.Join(dir, "hard"), filepath.Join(dir, "link")
	made(t, there, 1)
	future, dangling, folder := filepath.Join(dir, "future"), filepath.Join(dir, "dangling"), filepath.Join(dir, "folder")
	if err := errors.Join(os.Link(there, hard), os.Symlink(there, link), os.Symlink("future", dangling), os.Symlink(dir, folder)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		first, second string
		same          bool
	}{
		{there, there, true},
		{there, hard, true},
		{there, link, true},
		{there, filepath.Join(folder, "there"), true},
		{future, future, true},
		{future, dangling, true},
		{future, filepath.Join(folder, ".", "future"), true},
		{there, future, false},
		{future, filepath.Join(dir, "future.gz"), false},
		{os.DevNull, os.DevNull, false},
		{"-", "-", false},
		{"", "", false},
		{filepath.Join(dir, "no", "folder"), filepath.Join(dir, "no", "folder"), false}, // opening them fails
	} {
		for _, writes := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
			err := Collide([]Use{{"first", tt.first, writes[0]}, {"second", tt.second, writes[1]}}, nil, nil)
			collision := new(CollisionError)
			if want := tt.same && (writes[0] || writes[1]); errors.As(err, &collision) != want {
				t.Errorf("%s and %s, written %v: %v", tt.first, tt.second, writes, err)
			}
		}
	}
}

// A standard stream that is a file counts as that file.
func TestCollideStreams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "there")
	made(t, path, 1)
	stream, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, tt := range []struct {
		uses []Use
		want string // path of the collision, "" for none
	}{
		{append(Reads("Targets", "-"), Writes("Output", path)...), path},
		{append(Writes("Output", "-"), Reads("Targets", path)...), path},
		{append(Writes("Output", "-"), Writes("Replies", path)...), path},
		{append(Writes("Output", "-"), Reads("Targets", "-")...), "-"},
		{append(Reads("Targets", "-"), Reads("Exclude", path)...), ""},
		{append(Reads("Targets", "-"), Writes("Output", path+"2")...), ""},
	} {
		err := Collide(tt.uses, stream, stream)
		collision, collides := errors.AsType[*CollisionError](err)
		if collides != (tt.want != "") || collides && collision.Path() != tt.want {
			t.Errorf("%+v: %v, want %s", tt.uses, err, tt.want)
		}
		if err := Collide(tt.uses, strings.NewReader(""), io.Discard); err != nil {
			t.Errorf("%+v with streams that are no files: %v", tt.uses, err)
		}
	}
}
