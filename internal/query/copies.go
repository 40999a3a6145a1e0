package query

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
)

// copies are copies of NDJSON files that duckdb cannot read as they are. Some are pieces that begin
// within a record. Of others, duckdb does not have the compression, or the name does not show it.
type copies struct {
	ctx    context.Context
	folder string   // for temporary files
	names  []string // the path of each copy, and after it the text that messages have for it
	faults []error  // of files that are cut: the copies have their valid lines
}

// rename returns a message with the names of the files that the user gave.
func (c *copies) rename(message string) string {
	return strings.NewReplacer(c.names...).Replace(message)
}

// needsCopy reports whether duckdb cannot read an NDJSON file that begins with some octets. It finds
// the compression by the ending of the name.
func needsCopy(path string, begin []byte) bool {
	return outfile.PackingOf(begin) != outfile.Packing(path)
}

// of copies files that are one, and returns the path of the copy. Several files are its pieces.
func (c *copies) of(paths []string) (string, error) {
	text := paths[0]
	if len(paths) > 1 {
		text = fmt.Sprintf("the pieces %s to %s", paths[0], paths[len(paths)-1])
	}
	path := filepath.Join(c.folder, "copy"+strconv.Itoa(len(c.names)/2)+".ndjson.zst")
	err := c.fill(path, paths)
	switch {
	case c.ctx.Err() != nil:
		return "", fmt.Errorf("query: %w", run.ErrInterrupted)
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.faults = append(c.faults, fmt.Errorf("%s: the compressed file is cut", text))
	case err != nil:
		return "", err
	}
	c.names = append(c.names, path, text)
	return path, nil
}

// fill writes the content of files to a path. If the files are cut, it writes all that there is.
func (c *copies) fill(path string, paths []string) (err error) {
	octets, err := inputs.OpenOctets(paths)
	if err != nil {
		return err
	}
	defer octets.Close()
	in, _, err := outfile.Decompress(octets)
	if err != nil {
		return fmt.Errorf("read %s: %w", paths[0], err)
	}
	defer in.Close()
	lines := bufio.NewReader(in)
	if head, err := lines.Peek(outfile.MostMagic); err == nil && parquet.Format.Begins(head) {
		return refused(paths[0], errors.New("it is a piece of a Parquet file; put the pieces together first, in their order, for example with cat"))
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	packer, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return errors.Join(err, out.Close())
	}
	// The ReadFrom of the packer would drop the octets before an error.
	_, err = io.Copy(struct{ io.Writer }{packer}, &until{c.ctx, lines})
	return errors.Join(err, packer.Close(), out.Close())
}

// until is a reader that ends with a context.
type until struct {
	ctx context.Context
	in  io.Reader
}

// Read implements io.Reader.
func (u *until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.in.Read(b)
}
