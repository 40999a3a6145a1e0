package draw

// signs are the characters of a drawing.
type signs struct {
	// wires are lines from the middle of a character: up is 1, down 2, left 4, right 8.
	wires [16]string
	arrow string
}

var boxes = signs{
	wires: [16]string{
		1: "│", 2: "│", 3: "│", 4: "─", 8: "─", 12: "─",
		5: "┘", 6: "┐", 7: "┤", 9: "└", 10: "┌", 11: "├", 13: "┴", 14: "┬", 15: "┼",
	},
	arrow: "→",
}

var ascii = signs{
	wires: [16]string{
		1: "|", 2: "|", 3: "|", 4: "-", 8: "-", 12: "-",
		5: "+", 6: "+", 7: "+", 9: "+", 10: "+", 11: "+", 13: "+", 14: "+", 15: "+",
	},
	arrow: "->",
}

// wire returns the character with lines in some directions.
func (s *signs) wire(up, down, left, right bool) string {
	i := 0
	for bit, there := range []bool{up, down, left, right} {
		if there {
			i |= 1 << bit
		}
	}
	return s.wires[i]
}
