"""Mail: who gets which message (`rounds`, `alarm`), what it says (`messages`), how it is sent (`delivery`, `smtp`)."""
