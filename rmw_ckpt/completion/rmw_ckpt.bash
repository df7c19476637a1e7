# Completion of rmw_ckpt for bash, nodes' and topics' names included: the command says itself what may follow.
_rmw_ckpt() {
  local word=${COMP_WORDS[COMP_CWORD]} said
  said=$(rmw_ckpt "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null) || return
  mapfile -t COMPREPLY < <(compgen -W "$said" -- "$word")
}
complete -F _rmw_ckpt rmw_ckpt
