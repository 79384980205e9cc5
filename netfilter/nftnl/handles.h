#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include <memory>
#include <new>

/// Owners of libnftnl's objects. Only the .cc files of this folder include this header.
namespace meshgate::netfilter {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using NftTable = std::unique_ptr<nftnl_table, Deleter<nftnl_table_free>>;
using NftChain = std::unique_ptr<nftnl_chain, Deleter<nftnl_chain_free>>;
using NftRule = std::unique_ptr<nftnl_rule, Deleter<nftnl_rule_free>>;
using NftExpr = std::unique_ptr<nftnl_expr, Deleter<nftnl_expr_free>>;
using NftExprIter = std::unique_ptr<nftnl_expr_iter, Deleter<nftnl_expr_iter_destroy>>;
using NftSet = std::unique_ptr<nftnl_set, Deleter<nftnl_set_free>>;
using NftSetElem = std::unique_ptr<nftnl_set_elem, Deleter<nftnl_set_elem_free>>;
using NftSetElemIter = std::unique_ptr<nftnl_set_elems_iter, Deleter<nftnl_set_elems_iter_destroy>>;

/// Takes what an allocating function of libnftnl returned: its only failure is lack of memory.
template <class Handle>
Handle own(typename Handle::pointer object) {
    if (object == nullptr) throw std::bad_alloc{};
    return Handle{object};
}

}  // namespace meshgate::netfilter
