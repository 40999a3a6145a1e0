package intake

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/target"
)

// mostRow is the largest length of a row of CSV, in octets. Quoted fields may have line ends, so
// a quote that never ends would otherwise take the whole file into memory.
const mostRow = 1 << 20

// delimiters are those that CSV files have, the usual ones first.
const delimiters = ",\t;|"

// delimiterOf returns the delimiter of a header: the one that it has most often. A header of one
// column has none, and any does.
func delimiterOf(header string) rune {
	best, most := ',', 0
	for _, d := range delimiters {
		if n := strings.Count(header, string(d)); n > most {
			best, most = d, n
		}
	}
	return best
}

// emptyCells counts the rows without an entry.
type emptyCells struct {
	count int
	first string // the place of the first one
}

// column reads the column of a CSV file that the request names.
func (r *reader) column(name string, in io.Reader) error {
	text, err := target.OpenText(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	head, _ := text.Peek(text.Buffered())
	header, _, _ := strings.Cut(string(head), "\n")
	limited := &rowLimit{in: text}
	rows := csv.NewReader(limited)
	rows.Comma, rows.FieldsPerRecord, rows.ReuseRecord, rows.LazyQuotes = delimiterOf(header), -1, true, true
	row, err := limited.row(rows)
	if err == io.EOF {
		return &FieldError{"Column", fmt.Errorf("%s is empty: a header with the names of the columns is missing", name)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, csvFault(err))
	}
	at, err := r.columnIn(name, row)
	if err != nil {
		return err
	}
	r.empty = emptyCells{}
	for err == nil {
		row, err = limited.row(rows)
		if err == nil {
			line, _ := rows.FieldPos(0)
			err = r.cell(row, at, fmt.Sprintf("%s:%d", name, line))
		} else if err != io.EOF {
			err = fmt.Errorf("%s: %w", name, csvFault(err))
		}
	}
	if err != io.EOF {
		return err
	}
	if r.empty.count > 0 {
		r.warn("%s: rows without a value in column %s are left out (%d), the first at %s", name, r.conf.Column, r.empty.count, r.empty.first)
	}
	return nil
}

// csvFault returns the cause of an error of the CSV reader, with its line.
func csvFault(err error) error {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w", p.Line, p.Err)
	}
	return err
}

// columnIn returns the index of the column in a header. Letters of the wrong case are accepted if
// one column alone has the name then.
func (r *reader) columnIn(name string, header []string) (int, error) {
	columns := slices.Clone(header)
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	columns[0] = strings.TrimSpace(strings.TrimLeft(columns[0], "#")) // a header as a comment
	if i := slices.Index(columns, r.conf.Column); i >= 0 {
		return i, nil
	}
	found := -1
	for i, c := range columns {
		if strings.EqualFold(c, r.conf.Column) {
			if found >= 0 {
				found = -1
				break
			}
			found = i
		}
	}
	if found < 0 {
		return 0, &FieldError{"Column", fmt.Errorf("%s has no column %q; its columns are %s", name, r.conf.Column, strings.Join(quoted(columns), ", "))}
	}
	return found, nil
}

// quoted returns the names of columns for a message.
func quoted(columns []string) []string {
	list := some(columns)
	for i, c := range list {
		const most = 60
		if len(c) > most {
			c = c[:most] + "…"
		}
		list[i] = strings.ToValidUTF8(c, "�")
	}
	return list
}

// cell adds the entry of a row.
func (r *reader) cell(row []string, at int, place string) error {
	text := ""
	if at < len(row) {
		text = strings.TrimSpace(row[at])
	}
	if text == "" {
		if r.empty.count++; r.empty.count == 1 {
			r.empty.first = place
		}
		return nil
	}
	bad := r.out.Add(text, place)
	if bad == nil {
		return nil
	}
	if r.conf.Names != nil {
		if taken, err := r.name(text, place); taken || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", place, bad)
}

// columnsOf returns the names of the columns, if a text that begins with head is CSV with a
// header.
func columnsOf(head []byte) []string {
	header, _, whole := strings.Cut(strings.TrimPrefix(string(head), "\ufeff"), "\n")
	if !whole || !strings.ContainsAny(header, delimiters) {
		return nil
	}
	rows := csv.NewReader(strings.NewReader(header))
	rows.Comma, rows.LazyQuotes = delimiterOf(header), true
	columns, _ := rows.Read()
	return quoted(columns)
}

// rowLimit bounds how much input a row may have.
type rowLimit struct {
	in   io.Reader
	left int
}

// row reads a row.
func (l *rowLimit) row(rows *csv.Reader) ([]string, error) {
	l.left = mostRow
	return rows.Read()
}

// Read implements io.Reader.
func (l *rowLimit) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("a row is longer than %d bytes: a quote is not closed", mostRow)
	}
	n, err := l.in.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}
