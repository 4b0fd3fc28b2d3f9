#!/bin/sh
# A smile for the portrait beside this script: projects it, sweeps the smile from less to more, and brings a
# smile into the whole photo.
#
#   examples/smile.sh [FOLDER]      results go to FOLDER; ./smile unless given
#
# A second run keeps what is there.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-smile}

ganedit project "$here/portrait.png" --skip-existing -o "$out" |
    ganedit edit --direction smile --sweep -2:3:6 --skip-existing -o "$out"
ganedit edit "$out/portrait.latent.safetensors" --direction smile --magnitude 2 --paste --skip-existing -o "$out"
