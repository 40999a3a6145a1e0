package intake

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// condition is a condition on a trace.
type condition func(*record.Trace) bool

// fieldOf returns the condition that a field of traces makes with an operator and a value.
type fieldOf func(op, value string) (condition, error)

// fields are the fields that conditions may have. Their names are those of records.
var fields = map[string]fieldOf{
	"dst":         addressField(func(t *record.Trace) probe.Addr { return t.Target }),
	"src":         addressField(func(t *record.Trace) probe.Addr { return t.Source }),
	"method":      wordField(methods, func(t *record.Trace) string { return t.Method.String() }),
	"userid":      numberField(func(t *record.Trace) (int, bool) { return int(t.FlowIndex), true }),
	"dport":       numberField(func(t *record.Trace) (int, bool) { return int(t.DstPort), t.DstPort != 0 }),
	"stop_reason": wordField(stopReasons(), func(t *record.Trace) string { return t.StopReason.String() }),
	"stop_data":   numberField(func(t *record.Trace) (int, bool) { return int(t.StopData), true }),
	"hop_count":   numberField(func(t *record.Trace) (int, bool) { return int(t.End), true }),
	"firsthop":    numberField(func(t *record.Trace) (int, bool) { return int(cmp.Or(t.FirstHop, t.FirstTTL)), true }),
	"hoplimit":    numberField(func(t *record.Trace) (int, bool) { return int(t.MaxTTL), true }),
	"attempts":    numberField(func(t *record.Trace) (int, bool) { return int(t.Attempts), true }),
	"probe_count": numberField(func(t *record.Trace) (int, bool) { return t.ProbeCount, true }),
	"hops":        numberField(func(t *record.Trace) (int, bool) { return len(t.Hops), true }),
	"answered":    numberField(func(t *record.Trace) (int, bool) { return t.Answered, !t.Bare }),
	"dst_ttl":     numberField(func(t *record.Trace) (int, bool) { return int(t.Distance), t.Distance != 0 }),
	"loops":       numberField(func(t *record.Trace) (int, bool) { return len(t.Loops), !t.Bare }),
	"reached": wordField([]string{"true", "false"}, func(t *record.Trace) string {
		return strconv.FormatBool(t.Reached || t.StopReason == record.StopCompleted)
	}),
}

// Fields returns the names of the fields that conditions may have.
func Fields() []string { return slices.Sorted(maps.Keys(fields)) }

var methods = []string{probe.UDP.String(), probe.ICMP.String(), probe.TCPSYN.String(), probe.TCPACK.String()}

func stopReasons() (names []string) {
	for r := record.StopNone; r <= record.StopError; r++ {
		names = append(names, r.String())
	}
	return names
}

// operators are those of conditions. A longer one stands before its beginning.
var operators = []string{"!=", "<=", ">=", "=", "<", ">"}

// checkWhere parses the conditions.
func (r *reader) checkWhere() error {
	for _, text := range r.conf.Where {
		holds, err := parseCondition(text)
		if err != nil {
			return &FieldError{"Where", err}
		}
		r.where = append(r.where, holds)
	}
	return nil
}

// holds reports whether all conditions hold for a trace.
func (r *reader) holds(t *record.Trace) bool {
	return !slices.ContainsFunc(r.where, func(c condition) bool { return !c(t) })
}

// parseCondition parses a field, an operator and a value. Spaces around the operator do not
// matter.
func parseCondition(text string) (condition, error) {
	at := strings.IndexAny(text, "!=<>")
	if at < 0 {
		return nil, fmt.Errorf("%q is no condition: it needs a field, one of %s, and a value", text, strings.Join(operators, " "))
	}
	name, rest := strings.TrimSpace(text[:at]), text[at:]
	i := slices.IndexFunc(operators, func(op string) bool { return strings.HasPrefix(rest, op) })
	if i < 0 {
		return nil, fmt.Errorf("%q is no condition: its operator is none of %s", text, strings.Join(operators, " "))
	}
	op := operators[i]
	value := rest[len(op):]
	if op == "=" {
		value = strings.TrimPrefix(value, "=") // == is usual, too
	}
	value = strings.TrimSpace(value)
	field, ok := fields[name]
	if !ok {
		return nil, fmt.Errorf("traces have no field %q: use one of %s", name, strings.Join(Fields(), ", "))
	}
	holds, err := field(op, value)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return holds, nil
}

// numberField returns a field whose values are numbers. No condition holds for a number that is
// not known.
func numberField(of func(*record.Trace) (n int, known bool)) fieldOf {
	return func(op, value string) (condition, error) {
		want, err := strconv.Atoi(value)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", value)
		}
		return func(t *record.Trace) bool {
			n, known := of(t)
			return known && compares(op, cmp.Compare(n, want))
		}, nil
	}
}

// compares reports whether the operator holds between two values that compare so.
func compares(op string, c int) bool {
	switch op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
	}
}

// errOrder is about an operator that needs an order of values.
func errOrder(op string) error { return fmt.Errorf("the field has no order: use = or !=, not %s", op) }

// wordField returns a field whose values are some words, in capitals or not.
func wordField(known []string, of func(*record.Trace) string) fieldOf {
	return func(op, value string) (condition, error) {
		i := slices.IndexFunc(known, func(w string) bool { return strings.EqualFold(w, value) })
		switch {
		case op != "=" && op != "!=":
			return nil, errOrder(op)
		case i < 0:
			return nil, fmt.Errorf("%q is none of %s", value, strings.Join(known, ", "))
		}
		want := known[i]
		return func(t *record.Trace) bool { return (of(t) == want) == (op == "=") }, nil
	}
}

// addressField returns a field whose values are addresses. The value of the condition is an
// address or a prefix.
func addressField(of func(*record.Trace) probe.Addr) fieldOf {
	return func(op, value string) (condition, error) {
		prefix, err := netip.ParsePrefix(value)
		if err != nil {
			addr, bad := netip.ParseAddr(value)
			if bad != nil {
				return nil, fmt.Errorf("%q is neither an address nor a prefix", value)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if op != "=" && op != "!=" {
			return nil, errOrder(op)
		}
		return func(t *record.Trace) bool { return prefix.Contains(of(t).Netip()) == (op == "=") }, nil
	}
}
