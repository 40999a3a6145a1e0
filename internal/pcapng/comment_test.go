package pcapng

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// Comment returns the comment of the first section header only. Read returns every other note.
func TestComment(t *testing.T) {
	bare := unhexed(t, "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000")
	commented := unhexed(t, "0a0d0d0a 28000000 4d3c2b1a 01000000 ffffffffffffffff 01000300 61626300 00000000 28000000")
	link := unhexed(t, "01000000 14000000 01000000 00000000 14000000")
	simple := unhexed(t, "03000000 14000000 03000000 aabbccdd 14000000")
	statistics := unhexed(t, "05000000 20000000 00000000 00000000 00000000 01000200 68690000 20000000")
	tests := []struct {
		name    string
		in      []byte
		comment string
		notes   []string // that Read returns after it
		frames  int
	}{
		{"comment and note", slices.Concat(commented, link, statistics, simple), "abc", []string{"hi"}, 1},
		{"note only", slices.Concat(bare, link, statistics, simple), "", []string{"hi"}, 1},
		{"note after a frame", slices.Concat(bare, link, simple, statistics), "", []string{"hi"}, 1},
		{"only the second section has one", slices.Concat(bare, link, simple, commented, link, simple), "", []string{"abc"}, 2},
		{"both sections have one", slices.Concat(commented, commented, statistics), "abc", []string{"abc", "hi"}, 0},
		{"frame only", slices.Concat(bare, link, simple), "", nil, 1},
		{"nothing else", commented, "abc", nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := NewFile("x", bytes.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			comment, err := f.Comment()
			if string(comment) != tt.comment || err != nil {
				t.Errorf("Comment = %q, %v; want %q", comment, err, tt.comment)
			}
			if again, err := f.Comment(); again != nil || err != nil {
				t.Errorf("Comment, again = %q, %v", again, err)
			}
			var notes []string
			frames := 0
			var e Entry
			for err = f.Read(&e); err == nil; err = f.Read(&e) {
				if e.Frame != nil {
					frames++
				} else {
					notes = append(notes, string(e.Note))
				}
			}
			if err != io.EOF || frames != tt.frames || !slices.Equal(notes, tt.notes) {
				t.Errorf("%d frames, notes %q, %v; want %d, %q", frames, notes, err, tt.frames, tt.notes)
			}
		})
	}
}

// Comment returns an error for a broken section header, and so does every later Read.
func TestCommentFault(t *testing.T) {
	f, err := NewFile("x", bytes.NewReader(unhexed(t, "0a0d0d0a 1c000000 4d3c2b1a 02000000 ffffffffffffffff 1c000000")))
	if err != nil {
		t.Fatal(err)
	}
	var e Entry
	_, first := f.Comment()
	_, second := f.Comment()
	if third := f.Read(&e); !errors.Is(first, ErrCapture) || second != first || third != first {
		t.Errorf("%v, %v, %v", first, second, third)
	}
}
