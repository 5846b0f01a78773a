package webtest

import (
	"cmp"
	"image"
	"image/color"
	"maps"
	"slices"
)

// maxColors is how many colours a small picture has (colours).
const maxColors = 255

// reduce gives a picture the most frequent colours, near ones being one: the
// pages have few, and text has shades of them.
func reduce(full image.Image) image.Image {
	counts := map[color.RGBA]int{}
	b := full.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			counts[exact(full.At(x, y))]++
		}
	}
	all := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(number(a), number(b)))
	})
	palette := color.Palette{}
	for _, c := range all[:min(len(all), maxColors)] {
		palette = append(palette, c)
	}
	index := make(map[color.RGBA]uint8, len(all))
	for _, c := range all {
		index[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(b, palette)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			small.SetColorIndex(x, y, index[exact(full.At(x, y))])
		}
	}
	return small
}

func exact(c color.Color) color.RGBA { return color.RGBAModel.Convert(c).(color.RGBA) }

func number(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
