# Completion of rmw_ckpt for zsh, nodes' and topics' names included: the command says itself what may follow.
_rmw_ckpt() {
  local line="${(j: :)words[1,CURRENT-1]} $PREFIX"
  compadd -- ${(f)"$(rmw_ckpt "[suggest:$#line]" "$line" 2>/dev/null)"}
}
if (( $+functions[compdef] )); then
  compdef _rmw_ckpt rmw_ckpt
fi
