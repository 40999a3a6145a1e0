package probe

// Variation is a header field in which a flow differs from another one, its base flow. All other
// fields are those of the base flow. A tracer compares the paths of the two, to learn whether a
// load balancer hashes the field.
type Variation uint8

// The variations. A flow varies in one field at most.
const (
	Unvaried    Variation = iota
	VaryDstPort           // UDP and TCP
	// VaryLabel is the flow label of IPv6. It is that of the next base flow, from which the flow then
	// differs in the source port alone.
	VaryLabel
	VaryTOS // TOS or traffic class

	Variations // how many there are
)

// BaseFlows is the number of base flows where flows vary. Bits 0 to 9 of a flow number are the base
// flow, bits 10 and 11 the Variation.
const BaseFlows = 1 << 10

// Flows is the number of flows where they vary, with all variations.
const Flows = int(Variations) * BaseFlows

// Of returns the flow number of this variation of a base flow, which must be below BaseFlows.
func (v Variation) Of(base uint16) uint16 { return uint16(v)*BaseFlows + base }

// SplitFlow returns the base flow and the variation of a flow number below Flows.
func SplitFlow(flow uint16) (base uint16, v Variation) {
	return flow % BaseFlows, Variation(flow / BaseFlows)
}
