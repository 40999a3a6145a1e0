package figure

import "image/color"

// The colours of figures: dark enough for print in grey.
var (
	ink   = color.NRGBA{R: 0x1f, G: 0x4e, B: 0x8c, A: 0xff}
	shade = color.NRGBA{R: 0x1f, G: 0x4e, B: 0x8c, A: 0x40}
)
