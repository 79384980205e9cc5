#pragma once

#include "src/common/c_handle.h"

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include <new>

/// Owners of libnftnl's objects. Only the .cc files of this folder include this header.
namespace meshgate::netfilter {

using NftTable = CHandle<nftnl_table, nftnl_table_free>;
using NftChain = CHandle<nftnl_chain, nftnl_chain_free>;
using NftRule = CHandle<nftnl_rule, nftnl_rule_free>;
using NftExpr = CHandle<nftnl_expr, nftnl_expr_free>;
using NftExprIter = CHandle<nftnl_expr_iter, nftnl_expr_iter_destroy>;
using NftObject = CHandle<nftnl_obj, nftnl_obj_free>;
using NftSet = CHandle<nftnl_set, nftnl_set_free>;
using NftSetElem = CHandle<nftnl_set_elem, nftnl_set_elem_free>;
using NftSetElemIter = CHandle<nftnl_set_elems_iter, nftnl_set_elems_iter_destroy>;

/// Takes what an allocating function of libnftnl returned: its only failure is lack of memory.
template <class Handle>
Handle own(typename Handle::pointer object) {
    if (object == nullptr) throw std::bad_alloc{};
    return Handle{object};
}

}  // namespace meshgate::netfilter
