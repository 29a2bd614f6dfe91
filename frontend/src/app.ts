// Loaded by every page.
import "htmx.org";
