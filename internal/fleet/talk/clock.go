package talk

import (
	"fmt"
	"strings"
	"time"
)

// mostOffset is how far the clock of an agent may be from that of the hub before a person is told.
const mostOffset = time.Second

// ClockTrouble returns a sentence about a clock that is far from that of the hub, "" if it is not. The
// offset is that of the agent's clock minus the hub's, and wrong by at most errNS. Results are right
// even so: they have the offset.
func ClockTrouble(offsetNS, errNS int64) string {
	offset, most := time.Duration(offsetNS), time.Duration(errNS)
	if offset.Abs()-most < mostOffset {
		return ""
	}
	way := "ahead of"
	if offset < 0 {
		way = "behind"
	}
	return fmt.Sprintf("the clock of the agent is %s %s that of the hub, within %s: set one of them, by NTP for example",
		offset.Abs().Round(time.Millisecond), way, most.Round(time.Microsecond))
}

// Troubles joins sentences about troubles; "" is none.
func Troubles(list ...string) string {
	var some []string
	for _, text := range list {
		if text != "" {
			some = append(some, text)
		}
	}
	return strings.Join(some, "; ")
}
