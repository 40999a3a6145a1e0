package parquet

import (
	"math"

	"github.com/masstrace/masstrace/internal/record"
	pq "github.com/parquet-go/parquet-go"
)

// cells makes the cells of a column. Most values come again, so it keeps them: those of words and
// of numbers of 8 bits all, of others the last one.
type cells struct {
	column *column
	index  int // of the column in the table
	null   pq.Value
	last   pq.Value
	n      uint64     // of last
	few    []pq.Value // by their numbers
}

// newCells returns the cells of the column with that number.
func newCells(c *column, index int) cells {
	s := cells{column: c, index: index, null: pq.NullValue().Level(0, 0, index)}
	if c.word != nil || c.class == number && c.bits == 8 || c.class == truth {
		s.few = make([]pq.Value, math.MaxUint8+1)
	}
	return s
}

// hops appends the cells of hops to a batch. The column has code.
func (s *cells) hops(batch []pq.Value, hops []record.Hop) []pq.Value {
	code := s.column.code
	for i := range hops {
		n, there := code(&hops[i])
		switch {
		case !there:
			batch = append(batch, s.null)
		case n < uint64(len(s.few)) && !s.few[n].IsNull():
			batch = append(batch, s.few[n])
		case n == s.n && !s.last.IsNull():
			batch = append(batch, s.last)
		default:
			batch = append(batch, s.of(n))
		}
	}
	return batch
}

// of returns the cell of a number.
func (s *cells) of(n uint64) pq.Value {
	switch {
	case n < uint64(len(s.few)):
		if s.few[n].IsNull() {
			s.few[n] = s.make(n)
		}
		return s.few[n]
	case s.column.plain:
		return s.make(n)
	case s.n != n || s.last.IsNull():
		s.n, s.last = n, s.make(n)
	}
	return s.last
}

// make makes the cell of a number.
func (s *cells) make(n uint64) pq.Value {
	v := value{there: true, n: n}
	if s.column.word != nil {
		v.b = []byte(s.column.word(n))
	}
	return s.cell(&v)
}

// append appends the cell of a value to a batch. A list is several cells.
func (s *cells) append(batch []pq.Value, v *value) []pq.Value {
	switch c := s.column; {
	case !v.there:
		return append(batch, s.null)
	case c.class == numbers:
		for at, n := range v.list {
			batch = append(batch, pq.Int32Value(int32(n)).Level(min(at, 1), 2, s.index))
		}
		return batch
	case c.class == number || c.class == truth || c.class == timeUs:
		return append(batch, s.of(v.n))
	}
	return append(batch, s.cell(v))
}

// cell returns the cell of a value that is no list. Values of columns that always have one need no
// levels.
func (s *cells) cell(v *value) (cell pq.Value) {
	switch c := s.column; c.class {
	case number:
		if cell = pq.Int32Value(int32(v.n)); c.bits > 32 {
			cell = pq.Int64Value(int64(v.n))
		}
	case timeUs:
		cell = pq.Int64Value(int64(v.n))
	case float:
		cell = pq.DoubleValue(v.float())
	case truth:
		cell = pq.BooleanValue(v.n != 0)
	default:
		cell = pq.ByteArrayValue(v.b)
	}
	if s.column.maybe {
		cell = cell.Level(0, 1, s.index)
	}
	return cell
}
