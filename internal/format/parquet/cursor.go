package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// cursor reads the values of one column of a row group, row by row. It holds one page, and the
// dictionary.
type cursor struct {
	leaf   *leaf
	index  int // of the column in the file
	column *column
	u      *unpacker
	codec  int
	at     int64 // offset of the next page
	end    int64
	page   int64 // offset of the page that is read, for errors

	left       int64 // values of the page, with those that are null
	reps, defs runs
	indexed    bool // values are indexes of the dictionary
	indexes    runs
	plain      []byte
	bit        uint // of plain, for truths

	dict    [][]byte // of texts
	numbers []uint64 // of numbers
	hasDict bool

	room, dictRoom []byte
}

// start begins to read a chunk. It keeps the memory of the one before.
func (c *cursor) start(ch *chunk) {
	c.codec, c.at, c.end, c.page = ch.codec, ch.begin, ch.end, ch.begin
	c.left, c.hasDict = 0, false
}

// fault returns an error about the page that is read.
func (c *cursor) fault(err error) error {
	return fmt.Errorf("byte %d: column %s: %w", c.page, c.leaf.path, err)
}

// load reads the next page with values.
func (c *cursor) load() error {
	for c.left == 0 {
		c.page = c.at
		if c.at >= c.end {
			return c.fault(fmt.Errorf("fewer values than rows"))
		}
		h, length, err := c.u.header(c.at, c.end)
		if err == nil {
			err = c.open(&h, c.at+length)
		}
		if err != nil {
			return c.fault(err)
		}
		c.at += length + h.packed
	}
	return nil
}

// open reads a page.
func (c *cursor) open(h *pageHeader, at int64) (err error) {
	switch h.typ {
	case pageDictionary:
		if c.dictRoom, err = c.u.page(h, at, c.codec, c.dictRoom); err == nil {
			err = c.openDict(h)
		}
		return err
	case pageData, pageDataV2:
		if c.room, err = c.u.page(h, at, c.codec, c.room); err != nil {
			return err
		}
		return c.openData(h, c.room)
	}
	return nil // an index
}

// openDict takes the values of a dictionary page.
func (c *cursor) openDict(h *pageHeader) error {
	if h.encoding != encodingPlain && h.encoding != encodingPlainDic {
		return fmt.Errorf("a dictionary of encoding %d", h.encoding)
	}
	c.dict, c.numbers, c.hasDict, c.plain = c.dict[:0], c.numbers[:0], true, c.dictRoom
	if h.values > int64(len(c.dictRoom)) {
		return errRuns
	}
	if err := c.roomForDict(int(h.values)); err != nil {
		return err
	}
	for range h.values {
		var v value
		if err := c.plainValue(&v); err != nil {
			return err
		}
		if c.leaf.physical == typeBinary {
			c.dict = append(c.dict, v.b)
		} else {
			c.numbers = append(c.numbers, v.n)
		}
	}
	return nil
}

// roomForDict makes room for n values of a dictionary, if there is memory.
func (c *cursor) roomForDict(n int) error {
	texts, numbers := n, 0
	if c.leaf.physical != typeBinary {
		texts, numbers = 0, n
	}
	more := 24*max(texts-cap(c.dict), 0) + 8*max(numbers-cap(c.numbers), 0)
	if c.u.memory += int64(more); c.u.memory > mostMemory {
		return fmt.Errorf("the dictionaries of one row group need more than %d bytes", mostMemory)
	}
	c.dict, c.numbers = slices.Grow(c.dict, texts), slices.Grow(c.numbers, numbers)
	return nil
}

// openData takes the levels and the values of a page.
func (c *cursor) openData(h *pageHeader, page []byte) error {
	c.left, c.bit = h.values, 0
	var err error
	if h.typ == pageDataV2 {
		c.reps = runs{b: page[:h.repLen], width: levelWidth(c.leaf.maxRep)}
		c.defs = runs{b: page[h.repLen : h.repLen+h.defLen], width: levelWidth(c.leaf.maxDef)}
		page = page[h.repLen+h.defLen:]
	} else {
		if c.reps, page, err = levels(page, c.leaf.maxRep); err != nil {
			return err
		}
		if c.defs, page, err = levels(page, c.leaf.maxDef); err != nil {
			return err
		}
	}
	c.indexed = false
	switch h.encoding {
	case encodingPlain:
		c.plain = page
		return nil
	case encodingPlainDic, encodingRLEDic:
		c.indexed = true
		if !c.hasDict {
			return fmt.Errorf("a page without its dictionary")
		}
		if len(page) == 0 {
			c.indexes = runs{}
			return nil
		}
		if page[0] > 32 {
			return fmt.Errorf("indexes of %d bits", page[0])
		}
		c.indexes = runs{b: page[1:], width: uint(page[0])}
		return nil
	case encodingRLE:
		if c.leaf.physical == typeBoolean {
			c.indexed = true
			c.hasDict, c.numbers = true, append(c.numbers[:0], 0, 1)
			c.indexes, _, err = levels(page, 1)
			return err
		}
	}
	return fmt.Errorf("values of encoding %d, which is not read: plain and dictionary are", h.encoding)
}

// levels cuts the levels of version 1 off a page.
func levels(page []byte, most int) (runs, []byte, error) {
	if most == 0 {
		return runs{}, page, nil
	}
	if len(page) < 4 {
		return runs{}, nil, errRuns
	}
	n := binary.LittleEndian.Uint32(page)
	if page = page[4:]; uint64(n) > uint64(len(page)) {
		return runs{}, nil, errRuns
	}
	return runs{b: page[:n], width: levelWidth(most)}, page[n:], nil
}

// next reads the value of the next row.
func (c *cursor) next(v *value) error {
	if c.leaf.maxRep > 0 {
		return c.nextList(v)
	}
	if c.left == 0 {
		if err := c.load(); err != nil {
			return err
		}
	}
	c.left--
	v.there, v.n, v.b = true, 0, nil
	return c.element(v)
}

// mostElements is how many elements a list has at most.
const mostElements = 1 << 12

// nextList reads the list of the next row. A list is in one page (Parquet, data page v2).
func (c *cursor) nextList(v *value) error {
	if c.left == 0 {
		if err := c.load(); err != nil {
			return err
		}
	}
	if first, ok := c.reps.next(); !ok || first != 0 {
		return c.fault(fmt.Errorf("a row that begins within a list"))
	}
	v.list = v.list[:0]
	for {
		c.left--
		v.there, v.n, v.b = true, 0, nil
		if err := c.element(v); err != nil {
			return err
		}
		if v.there {
			v.list = append(v.list, uint32(v.n))
		}
		rest := c.reps
		if again, ok := rest.next(); c.left == 0 || !ok || again == 0 {
			v.there = len(v.list) > 0
			return nil
		}
		if len(v.list) == mostElements {
			return c.fault(fmt.Errorf("a list of more than %d elements", mostElements))
		}
		c.reps = rest
	}
}

// element reads a value of the page, or that there is none.
func (c *cursor) element(v *value) error {
	if c.leaf.maxDef > 0 {
		def, ok := c.defs.next()
		if !ok {
			return c.fault(errRuns)
		}
		if int(def) < c.leaf.maxDef {
			v.there = false
			return nil
		}
	}
	return c.value(v)
}

// value reads a value that is not null.
func (c *cursor) value(v *value) error {
	if !c.indexed {
		if err := c.plainValue(v); err != nil {
			return c.fault(err)
		}
	} else {
		i, ok := c.indexes.next()
		switch {
		case !ok:
			return c.fault(errRuns)
		case c.leaf.physical == typeBinary && int(i) < len(c.dict):
			v.b = c.dict[i]
		case c.leaf.physical != typeBinary && int(i) < len(c.numbers):
			v.n = c.numbers[i]
		default:
			return c.fault(fmt.Errorf("index %d of a dictionary that ends before", i))
		}
	}
	if p := c.leaf.perUs; p != 1 && c.column.class == timeUs {
		if p < 0 {
			v.n *= uint64(-p)
		} else if p > 0 {
			v.n = uint64(int64(v.n) / p)
		}
	}
	return nil
}

// plainValue reads a value of the encoding that is not one.
func (c *cursor) plainValue(v *value) error {
	n := 8
	switch c.leaf.physical {
	case typeBoolean:
		if c.bit>>3 >= uint(len(c.plain)) {
			return errRuns
		}
		v.n = uint64(c.plain[c.bit>>3] >> (c.bit & 7) & 1)
		c.bit++
		return nil
	case typeInt32, typeFloat, typeBinary:
		n = 4
	}
	if len(c.plain) < n {
		return errRuns
	}
	switch c.leaf.physical {
	case typeInt32:
		v.n = uint64(int64(int32(binary.LittleEndian.Uint32(c.plain))))
		if c.column.class == number {
			v.n &= math.MaxUint32
		}
	case typeFloat:
		v.setFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(c.plain))))
	case typeBinary:
		length := binary.LittleEndian.Uint32(c.plain)
		if uint64(length) > uint64(len(c.plain)-n) {
			return errRuns
		}
		v.b = c.plain[n : n+int(length)]
		n += int(length)
	default:
		v.n = binary.LittleEndian.Uint64(c.plain)
	}
	c.plain = c.plain[n:]
	return nil
}

// skip passes over n rows.
func (c *cursor) skip(n int64) error {
	var v value
	for n > 0 {
		if c.leaf.maxRep > 0 {
			if err := c.nextList(&v); err != nil {
				return err
			}
			n--
			continue
		}
		if c.left == 0 {
			if err := c.load(); err != nil {
				return err
			}
		}
		step := min(n, c.left)
		if c.leaf.maxDef > 0 || !c.indexed {
			step = 1
			if err := c.next(&v); err != nil {
				return err
			}
		} else {
			if !c.indexes.skip(step) {
				return c.fault(errRuns)
			}
			c.left -= step
		}
		n -= step
	}
	return nil
}
