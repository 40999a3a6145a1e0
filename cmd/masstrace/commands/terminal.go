package commands

import (
	"cmp"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f := fileOf(w)
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != ""
}

// hasCursor reports whether w is a terminal that can move its cursor.
func hasCursor(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// columnsOf returns the width of a terminal, 0 if it is not known.
func columnsOf(w io.Writer) int {
	columns, _ := sizeOf(w)
	return columns
}

// sizeOf returns the size of a terminal, 0 if it is not known.
func sizeOf(w io.Writer) (columns, rows int) {
	f := fileOf(w)
	if f == nil {
		return 0, 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}

// fileOf returns the file that w writes to, nil if w is not a file.
func fileOf(w io.Writer) *os.File {
	if o, ok := w.(*standardOutput); ok {
		w = o.Writer
	}
	f, _ := w.(*os.File)
	return f
}

// hasBoxes reports whether the user's terminal and files take characters beyond ASCII: by the locale, as
// of setlocale(3), and by TERM. The console of Linux shows some of them as other characters.
func hasBoxes() bool {
	if os.Getenv("TERM") == "linux" {
		return false
	}
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	return strings.Contains(strings.ReplaceAll(strings.ToUpper(locale), "-", ""), "UTF8")
}
