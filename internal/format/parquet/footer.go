package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of the claims of a file.
const (
	longestFooter = 64 << 20 // octets
	mostColumns   = 4096
	// mostRows is the most rows for each octet of a file. Equal rows need almost none, traces do.
	mostRows = 1024
)

// physical types of Parquet.
const (
	typeBoolean = 0
	typeInt32   = 1
	typeInt64   = 2
	typeFloat   = 4
	typeDouble  = 5
	typeBinary  = 6
)

// leaf is a column of a file as its schema has it.
type leaf struct {
	path           string // with dots
	physical       int
	perUs          int64 // of a time: units in 1 µs, or -1000 for ms
	maxDef, maxRep int
}

// chunk is a column of a row group.
type chunk struct {
	codec      int
	begin, end int64 // offsets in the file
	values     int64
}

// group is a row group.
type group struct {
	rows   int64
	chunks []chunk // of all leaves
}

// footer is the end of a file.
type footer struct {
	leaves []leaf
	groups []group
	meta   map[string]string
	at     int64 // its offset in the file
}

// errCut is the error of a file that nothing can be read of: its end has the places of all else.
var errCut = errors.New("no footer at the end: the file is cut, or its writer was stopped")

// readFooter reads the end of a file.
func readFooter(in io.ReaderAt, size int64) (*footer, error) {
	const tail = 8 // length of the footer, magic
	var end [tail]byte
	if size < int64(len(magic))+tail {
		return nil, fmt.Errorf("byte %d: %w", size, errCut)
	}
	if _, err := in.ReadAt(end[:], size-tail); err != nil {
		return nil, fmt.Errorf("read the end of the file: %w", err)
	}
	if string(end[4:]) != magic {
		return nil, fmt.Errorf("byte %d: %w", size-4, errCut)
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	at := size - tail - n
	if n > longestFooter || at < int64(len(magic)) {
		return nil, fmt.Errorf("byte %d: a footer of %d bytes in a file of %d", size-tail, n, size)
	}
	b := make([]byte, n)
	if _, err := in.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read the footer at byte %d: %w", at, err)
	}
	c := compact{b: b}
	f := parseFooter(&c)
	f.at = at
	if c.err == nil {
		c.err = f.check(at, size)
	}
	if c.err != nil {
		return nil, fmt.Errorf("footer at byte %d: %w", at, c.err)
	}
	return f, nil
}

// element is a node of a schema, in depth-first order.
type element struct {
	leaf
	name       string
	repetition int // 0: once, 1: optional, 2: repeated
	children   int64
	isLeaf     bool
}

// parseFooter reads FileMetaData.
func parseFooter(c *compact) *footer {
	f := &footer{meta: map[string]string{}}
	var elements []element
	c.fields(thriftStruct, func(id int, typ byte) {
		switch id {
		case 2:
			c.list(typ, func(typ byte) {
				if elements = append(elements, parseElement(c, typ)); len(elements) > 2*mostColumns {
					c.fail()
				}
			})
			if c.err == nil {
				c.err = f.flatten(elements)
			}
		case 4:
			c.list(typ, func(typ byte) { f.groups = append(f.groups, parseGroup(c, typ, len(f.leaves))) })
		case 5:
			c.list(typ, func(typ byte) {
				var pair [2]string
				c.fields(typ, func(id int, typ byte) {
					if text := c.binary(typ); id == 1 || id == 2 {
						pair[id-1] = string(text)
					}
				})
				f.meta[pair[0]] = pair[1]
			})
		default:
			c.skip(typ)
		}
	})
	return f
}

// parseElement reads SchemaElement.
func parseElement(c *compact, typ byte) (e element) {
	c.fields(typ, func(id int, typ byte) {
		switch id {
		case 1:
			e.isLeaf, e.physical = true, int(c.int(typ))
		case 3:
			e.repetition = int(c.int(typ))
		case 4:
			e.name = string(c.binary(typ))
		case 5:
			e.children = c.int(typ)
		case 6: // ConvertedType, of older writers
			switch c.int(typ) {
			case 9:
				e.perUs = -1000
			case 10:
				e.perUs = 1
			}
		case 10: // LogicalType: a union, 8 is TimestampType
			c.fields(typ, func(id int, typ byte) {
				if id != 8 {
					c.skip(typ)
					return
				}
				c.fields(typ, func(id int, typ byte) {
					if id != 2 { // the unit, a union
						c.skip(typ)
						return
					}
					c.fields(typ, func(id int, typ byte) {
						if id >= 1 && id <= 3 {
							e.perUs = [...]int64{-1000, 1, 1000}[id-1]
						}
						c.skip(typ)
					})
				})
			})
		default:
			c.skip(typ)
		}
	})
	return e
}

// parseGroup reads RowGroup.
func parseGroup(c *compact, typ byte, leaves int) (g group) {
	c.fields(typ, func(id int, typ byte) {
		switch id {
		case 1:
			c.list(typ, func(typ byte) {
				if len(g.chunks) >= leaves {
					c.fail()
					return
				}
				g.chunks = append(g.chunks, chunk{})
				ch := &g.chunks[len(g.chunks)-1]
				c.fields(typ, func(id int, typ byte) {
					if id == 3 {
						parseChunk(c, typ, ch)
						return
					}
					c.skip(typ)
				})
			})
		case 3:
			g.rows = c.int(typ)
		default:
			c.skip(typ)
		}
	})
	return g
}

// parseChunk reads ColumnMetaData.
func parseChunk(c *compact, typ byte, ch *chunk) {
	var data, dict, length int64
	c.fields(typ, func(id int, typ byte) {
		switch id {
		case 4:
			ch.codec = int(c.int(typ))
		case 5:
			ch.values = c.int(typ)
		case 7:
			length = c.int(typ)
		case 9:
			data = c.int(typ)
		case 11:
			dict = c.int(typ)
		default:
			c.skip(typ)
		}
	})
	if ch.begin = data; dict > 0 && dict < data {
		ch.begin = dict
	}
	ch.end = ch.begin + length
}

// flatten makes leaves of a schema.
func (f *footer) flatten(elements []element) error {
	next := 1 // after the root
	var walk func(path []string, children int64, def, rep int) error
	walk = func(path []string, children int64, def, rep int) error {
		if len(path) > deepest {
			return errors.New("the schema is nested too deeply")
		}
		for range min(children, mostColumns) {
			if next >= len(elements) {
				return errors.New("the schema is cut")
			}
			e := &elements[next]
			next++
			def, rep, path := def, rep, append(path[:len(path):len(path)], e.name)
			if e.repetition != 0 {
				def++
			}
			if e.repetition == 2 {
				rep++
			}
			if !e.isLeaf {
				if err := walk(path, e.children, def, rep); err != nil {
					return err
				}
				continue
			}
			e.path, e.maxDef, e.maxRep = strings.Join(path, "."), def, rep
			if f.leaves = append(f.leaves, e.leaf); len(f.leaves) > mostColumns {
				return fmt.Errorf("more than %d columns", mostColumns)
			}
		}
		return nil
	}
	if len(elements) == 0 {
		return errors.New("no schema")
	}
	return walk(nil, elements[0].children, 0, 0)
}

// check returns an error if the row groups cannot be in a file of that size before its footer.
func (f *footer) check(end, size int64) error {
	rows := int64(0)
	for i := range f.groups {
		g := &f.groups[i]
		if len(g.chunks) != len(f.leaves) {
			return fmt.Errorf("row group %d has %d columns, not %d", i, len(g.chunks), len(f.leaves))
		}
		if g.rows < 0 || g.rows > mostRows*size-rows {
			return fmt.Errorf("row group %d claims %d rows, in a file of %d bytes", i, g.rows, size)
		}
		rows += g.rows
		for j := range g.chunks {
			c := &g.chunks[j]
			if c.begin < int64(len(magic)) || c.end < c.begin || c.end > end || c.values < 0 {
				return fmt.Errorf("row group %d: column %s is from byte %d to %d, which is not before the footer",
					i, f.leaves[j].path, c.begin, c.end)
			}
		}
	}
	return nil
}
