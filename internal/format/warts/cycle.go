package warts

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/record"
)

// appendList appends the content of a list object.
func appendList(b []byte, number uint32, name, vantage string) []byte {
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint32(b, 0) // no number that people chose
	return appendVantage(appendText(b, name), vantage)
}

// appendCycle appends the content of a cycle start or definition.
func appendCycle(b []byte, number, list uint32, c *record.Cycle) []byte {
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint32(b, list)
	b = binary.BigEndian.AppendUint32(b, uint32(c.ID))
	b = binary.BigEndian.AppendUint32(b, uint32(c.Time))
	return appendVantage(b, c.Hostname)
}

// appendCycleStop appends the content of a cycle stop.
func appendCycleStop(b []byte, number uint32, c *record.Cycle) []byte {
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint32(b, uint32(c.Time))
	return append(b, 0) // no parameters
}

// appendVantage appends the parameters of a list or a cycle: the name of the vantage point.
func appendVantage(b []byte, name string) []byte {
	if name == "" {
		return append(b, 0)
	}
	b, p := beginParams(b, 1)
	p.set(b, vantagePoint)
	b = appendText(b, name)
	p.end(b)
	return b
}

// maxTables is the most memory that a reader spends on lists, cycles and addresses, in octets.
const maxTables = 64 << 20

// entryCost is the memory of an entry of a table besides its texts, in octets: generous.
const entryCost = 128

var errTables = fmt.Errorf("the file has more lists, cycles and addresses than %d bytes hold", maxTables)

// tables are the objects that others refer to by number.
type tables struct {
	lists  map[uint32]string
	cycles map[uint32]record.Cycle
	used   int // octets
}

func newTables() tables {
	return tables{lists: map[uint32]string{}, cycles: map[uint32]record.Cycle{}}
}

// list reads a list. Its vantage point is passed over: that of cycles is in records.
func (t *tables) list(c *cursor) error {
	number := c.number()
	_ = c.number()
	name := c.text()
	if c.err != nil {
		return c.err
	}
	t.lists[number] = name
	return t.spend(entryCost + len(name))
}

// cycle reads a cycle start or definition. Both become the start of a cycle, so that the names are
// not lost.
func (t *tables) cycle(c *cursor) (*record.CycleStart, error) {
	number, list := c.number(), c.number()
	start := &record.CycleStart{Cycle: record.Cycle{ID: int(c.number()), Time: int64(c.number())}}
	f := c.fields()
	for id := f.next(); id != 0; id = f.next() {
		switch id {
		case cycleStopTime:
			_ = f.number()
		case vantagePoint:
			start.Hostname = f.text()
		default:
			f.end()
		}
	}
	if err := errors.Join(c.err, f.err); err != nil {
		return nil, err
	}
	name, known := t.lists[list]
	if !known && list != 0 {
		return nil, fmt.Errorf("refers to list %d, which is not there", list)
	}
	start.ListName = name
	t.cycles[number] = start.Cycle
	return start, t.spend(entryCost + len(start.Hostname))
}

// cycleStop reads a cycle stop.
func (t *tables) cycleStop(c *cursor) (*record.CycleStop, error) {
	number, time := c.number(), c.number()
	if c.err != nil {
		return nil, c.err
	}
	cycle, known := t.cycles[number]
	if !known {
		return nil, fmt.Errorf("refers to cycle %d, which is not there", number)
	}
	cycle.Time = int64(time)
	return &record.CycleStop{Cycle: cycle}, nil
}

func (t *tables) spend(octets int) error {
	if t.used += octets; t.used > maxTables {
		return errTables
	}
	return nil
}
