package ui

// iconPath is the path of an icon in a box of 24 × 24; empty for none.
func iconPath(name string) string {
	switch name {
	case "menu":
		return "M4 7h16M4 12h16M4 17h16"
	case "user":
		return "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0"
	case "home":
		return "M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z"
	case "accounts":
		return "M3 9h18M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM7 15h4"
	case "usage":
		return "M4 20V10M10 20V4M16 20v-7M21 20H3"
	case "card":
		return "M3 10h18M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z"
	case "document":
		return "M6 3h8l5 5v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM14 3v5h5M9 13h6M9 17h6"
	case "channels":
		return "M4 5h16v11H9l-5 4z"
	case "payments":
		return "M12 3v18M16.5 7.5C16 6 14.3 5.5 12 5.5S7.5 6.700 7.500 8.700 9.500 11.500 12 12s4.500 1.300 4.500 3.400-2.200 3.200-4.500 3.200-4.200-.7-4.700-2.400"
	case "quarantine", "alert":
		return "M12 4l9 16H3zM12 10v4M12 17.200v.1"
	case "month":
		return "M5 5h14a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM4 10h16M8 3v4M16 3v4"
	case "stream":
		return "M5 6h.1M5 12h.1M5 18h.1M9 6h11M9 12h11M9 18h11"
	case "search":
		return "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4"
	case "verify":
		return "M12 3l8 3v6c0 4.500-3.200 7.700-8 9-4.800-1.300-8-4.500-8-9V6zM8.500 12l2.500 2.500 4.500-5"
	case "log":
		return "M12 21a9 9 0 1 0-9-9M3 5v4h4M12 7v5l3 2"
	case "settings":
		return "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4"
	case "people":
		return "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.200a6.500 6.500 0 0 1 3.500 5.800"
	case "key":
		return "M8 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM13 12h8v4M17 12v3"
	case "empty":
		return "M4 13l3-8h10l3 8v6H4zM4 13h5l1.500 3h3L15 13h5"
	}
	return ""
}
