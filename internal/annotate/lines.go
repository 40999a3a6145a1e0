package annotate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// longestLine is the longest line of a text, in octets.
const longestLine = headLen

// eachLine calls do with each line that is neither empty nor a comment, without white space around
// it. The line is valid until do returns. Errors have the number of the line.
func eachLine(in *bufio.Reader, do func(line []byte) error) error {
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		end := err == io.EOF
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return lineError(n, "it has more than %d bytes", longestLine)
		case err != nil && !end:
			return fmt.Errorf("line %d: %w", n, cutError(err))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			if err := do(line); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		if end {
			return nil
		}
	}
}

// firstLine returns the first line of a text that is neither empty nor a comment.
func firstLine(head []byte) []byte {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return line
		}
	}
	return nil
}
