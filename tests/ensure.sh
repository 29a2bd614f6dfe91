#!/usr/bin/env bash
# Makes sure that tests find a program on PATH: takes the one that is there, or installs Debian's.
#   tests/ensure.sh chromium|libreoffice
# In CI its absence is an error; elsewhere the tests that need it are skipped, and this says why.
set -euo pipefail

case "$1" in
  chromium)
    title=Chromium names="chromium chromium-browser google-chrome google-chrome-stable"
    packages="chromium fonts-dejavu-core"
    ;;
  libreoffice) title=LibreOffice names="soffice libreoffice" packages="libreoffice-calc" ;;
  *) echo "chromium or libreoffice, not $1" >&2; exit 2 ;;
esac

found() {
  local name
  for name in $names; do
    if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

if found; then
  exit 0
fi

if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
  echo "Installing $title for the tests" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update || echo "apt-get update failed; trying with the package lists at hand" >&2
  # shellcheck disable=SC2086 -- several packages
  apt-get -qq install --yes --no-install-recommends $packages >/dev/null || true
  if found; then
    exit 0
  fi
fi

echo "Some tests need $title on PATH, and none was found." >&2
echo "Install it, as root on Debian for example with: apt-get install $packages" >&2
[[ "${CI:-}" == "" ]]
