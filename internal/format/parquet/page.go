package parquet

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Limits of pages, in octets.
const (
	longestHeader = 64 << 10
	longestPage   = 64 << 20
	// mostMemory is the most that all open pages and dictionaries of a reader may have.
	mostMemory = 192 << 20
	// mostValues is the most values of a page.
	mostValues = 1 << 24
)

// Encodings and codecs of Parquet that are read.
const (
	encodingPlain    = 0
	encodingPlainDic = 2 // of old writers: RLE_DICTIONARY
	encodingRLE      = 3
	encodingRLEDic   = 8

	codecNone   = 0
	codecSnappy = 1
	codecZstd   = 6

	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// pageHeader is the header of a page.
type pageHeader struct {
	typ, encoding    int
	packed, unpacked int64 // octets
	values           int64
	defLen, repLen   int64 // of version 2, whose levels are not compressed
	plainV2          bool  // version 2, and not compressed
	crc              uint32
	hasCRC           bool
}

// parsePageHeader reads PageHeader.
func parsePageHeader(c *compact) (h pageHeader) {
	c.fields(thriftStruct, func(id int, typ byte) {
		switch id {
		case 1:
			h.typ = int(c.int(typ))
		case 2:
			h.unpacked = c.int(typ)
		case 3:
			h.packed = c.int(typ)
		case 4:
			h.crc, h.hasCRC = uint32(c.int(typ)), true
		case 5, 7:
			c.fields(typ, func(id int, typ byte) {
				switch id {
				case 1:
					h.values = c.int(typ)
				case 2:
					h.encoding = int(c.int(typ))
				default:
					c.skip(typ)
				}
			})
		case 8:
			parseV2(c, typ, &h)
		default:
			c.skip(typ)
		}
	})
	return h
}

// parseV2 reads DataPageHeaderV2.
func parseV2(c *compact, typ byte, h *pageHeader) {
	c.fields(typ, func(id int, typ byte) {
		switch id {
		case 1:
			h.values = c.int(typ)
		case 4:
			h.encoding = int(c.int(typ))
		case 5:
			h.defLen = c.int(typ)
		case 6:
			h.repLen = c.int(typ)
		case 7:
			h.plainV2 = typ == thriftFalse
			c.skip(typ)
		default:
			c.skip(typ)
		}
	})
}

// check returns an error if a page of a chunk cannot be like that.
func (h *pageHeader) check(left int64) error {
	switch {
	case h.packed < 0 || h.packed > left:
		return fmt.Errorf("a page of %d bytes in a column of which %d are left", h.packed, left)
	case h.unpacked < 0 || h.unpacked > longestPage:
		return fmt.Errorf("a page of %d bytes, more than %d", h.unpacked, longestPage)
	case h.values < 0 || h.values > mostValues:
		return fmt.Errorf("a page of %d values, more than %d", h.values, mostValues)
	case h.defLen < 0 || h.repLen < 0 || h.defLen > h.packed || h.repLen > h.packed-h.defLen || h.repLen+h.defLen > h.unpacked:
		return fmt.Errorf("levels of %d and %d bytes in a page of %d", h.repLen, h.defLen, h.packed)
	}
	return nil
}

// unpacker reads and decompresses pages. It bounds the memory of all of them together.
type unpacker struct {
	in     io.ReaderAt
	zstd   *zstd.Decoder
	memory int64 // capacity of all pages
	head   []byte
	packed []byte
}

// header reads the header of the page at an offset. The page is after it.
func (u *unpacker) header(at, end int64) (h pageHeader, length int64, err error) {
	for _, room := range []int64{512, longestHeader} {
		n := min(room, end-at)
		if int64(cap(u.head)) < n {
			u.head = make([]byte, n)
		}
		if _, err := u.in.ReadAt(u.head[:n], at); err != nil {
			return h, 0, fmt.Errorf("read a page: %w", err)
		}
		c := compact{b: u.head[:n]}
		if h = parsePageHeader(&c); c.err == nil {
			length = int64(c.at)
			return h, length, h.check(end - at - length)
		}
		if n < room {
			break
		}
	}
	return h, 0, errThrift
}

// page reads the page with the header h at an offset, to room if that is long enough. The levels
// of version 2 are first in it.
func (u *unpacker) page(h *pageHeader, at int64, codec int, room []byte) ([]byte, error) {
	if int64(cap(u.packed)) < h.packed {
		u.packed = make([]byte, h.packed)
	}
	packed := u.packed[:h.packed]
	if _, err := u.in.ReadAt(packed, at); err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	if h.hasCRC && crc32.ChecksumIEEE(packed) != h.crc {
		return nil, errors.New("the checksum of the page is wrong")
	}
	levels, size := int(h.defLen+h.repLen), int(h.unpacked)
	if h.plainV2 {
		codec = codecNone
	}
	for n := min(size, levels+content(packed[levels:], codec)); ; n = min(size, max(4*n, leastRoom)) {
		var err error
		if room, err = u.grow(room, n); err != nil {
			return nil, err
		}
		page, err := u.unpack(append(room[:0], packed[:levels]...), packed[levels:], codec, size)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) && cap(room) < size {
			continue
		}
		if err == nil && len(page) != size {
			err = fmt.Errorf("a page of %d bytes instead of %d", len(page), size)
		}
		return page, err
	}
}

// leastRoom is the first room for a page whose compression does not state a size, in octets.
const leastRoom = 256 << 10

// content returns how many octets compressed ones have by their own account. The header of the page
// has a number, too, but nothing is as long as one header alone claims.
func content(packed []byte, codec int) int {
	switch codec {
	case codecNone:
		return len(packed)
	case codecSnappy:
		if n, err := snappy.DecodedLen(packed); err == nil {
			return min(n, longestPage)
		}
	case codecZstd:
		var h zstd.Header
		if err := h.Decode(packed); err == nil && h.HasFCS {
			return int(min(h.FrameContentSize, longestPage))
		}
	}
	return leastRoom
}

// grow returns room for n octets, if there is memory.
func (u *unpacker) grow(room []byte, n int) ([]byte, error) {
	if cap(room) >= n {
		return room, nil
	}
	if u.memory += int64(n - cap(room)); u.memory > mostMemory {
		return nil, fmt.Errorf("the pages of one row group need more than %d bytes", mostMemory)
	}
	return make([]byte, 0, n), nil
}

// unpack appends decompressed octets to a page of size octets in all, as far as there is room.
func (u *unpacker) unpack(page, packed []byte, codec, size int) ([]byte, error) {
	switch codec {
	case codecNone:
		if len(packed) > size-len(page) {
			return nil, fmt.Errorf("a page of %d bytes instead of %d", len(packed), size-len(page))
		}
		return append(page, packed...), nil
	case codecZstd:
		if len(packed) == 0 {
			return page, nil
		}
		return u.zstd.DecodeAll(packed, page[:len(page):min(size, cap(page))])
	case codecSnappy:
		n, err := snappy.DecodedLen(packed)
		if err == nil && n != size-len(page) {
			err = fmt.Errorf("a page of %d bytes instead of %d", n, size-len(page))
		}
		if err != nil {
			return nil, err
		}
		_, err = snappy.Decode(page[len(page):size], packed)
		return page[:size], err
	}
	return nil, fmt.Errorf("compressed by codec %d: only zstd and snappy are read", codec)
}
